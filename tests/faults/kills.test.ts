import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { saidOf } from "./every-step";
import { randomFor, report, type Random } from "./random";
import { trades, type Trade } from "./trades";

/** Four in ten of all kills are those of real commands, in tests/end-to-end/kills.test.ts. */
const kills = Math.ceil((Number(process.env.REWIND_KILLS ?? 100) * 0.6) / Object.keys(trades).length);
const loader = join(__dirname, "..", "..", "typescript.js");

/** Lets a process write, kills it, and checks what it left. Returns how long it took until the next had written, in milliseconds. */
async function kill(name: string, trade: Trade, random: Random): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "rewind-kills-"));
  try {
    await trade.prepare?.(folder);
    const victim = spawn(process.execPath, ["--require", loader, join(__dirname, "victim.ts"), name, folder], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const closed = once(victim, "close");
    const said = (): string[] =>
      (existsSync(join(folder, "said")) ? readFileSync(join(folder, "said"), "utf8") : "").split("\n");
    while (saidOf(said(), "written").length === 0 && victim.exitCode === null) await sleep(2);
    await sleep(random() * 60);
    victim.kill("SIGKILL");
    assert.deepEqual(await closed, [null, "SIGKILL"]);
    const [written, begun] = [saidOf(said(), "written").map(Number), Number(saidOf(said(), "begun").at(-1))];
    const began = performance.now();
    await trade.check(folder, written, begun);
    await trade.write(folder, begun + 1);
    return performance.now() - began;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("a process that is killed at any moment, in earnest", () => {
  for (const [name, trade] of Object.entries(trades)) {
    it(`loses nothing that was acknowledged and leaves nothing to repair: ${name}`, async () => {
      const [began, random, waits] = [performance.now(), randomFor(name), [] as number[]];
      for (let done = 0; done < kills; done += 1) waits.push(await kill(name, trade, random));
      const p99 = waits.sort((a, b) => a - b)[Math.ceil(waits.length * 0.99) - 1] ?? 0;
      report(`${kills} kills, checked and written to again within ${Math.round(p99)} ms (p99)`, began);
    });
  }
});
