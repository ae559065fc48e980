import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { thisMachine } from "../../local/machine";
import { Ports } from "../../local/ports";

/** A reverse proxy of a test's own, with one HTTP server, `rewind`, and no route. */
export interface Caddy {
  readonly admin: string;
  /** Where it serves. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts Caddy, installed from Debian where it is not there yet. The test is skipped by name where it cannot be had. */
export async function startCaddy(test: Mocha.Context): Promise<Caddy> {
  const machine = thisMachine(() => undefined);
  const offer = { found: machine.find("caddy") };
  const installed = offer.found === undefined ? await machine.install("caddy", ["caddy"]) : { found: offer.found };
  if (!("found" in installed)) {
    if (process.env.REWIND_SKIP_NOTHING === "1") throw new Error(`Caddy cannot be had: ${installed.lacks}`);
    const skipped = test.test ?? test.currentTest;
    if (skipped !== undefined) skipped.title += ` (skipped: Caddy cannot be had: ${installed.lacks})`;
    return test.skip();
  }
  const ports = new Ports();
  const [admin, served] = [
    await ports.choose("test admin", ["127.0.0.1"]),
    await ports.choose("test web", ["127.0.0.1"]),
  ];
  const folder = mkdtempSync(join(tmpdir(), "rewind-caddy-"));
  const config = join(folder, "caddy.json");
  const server = { listen: [`127.0.0.1:${served}`], automatic_https: { disable: true }, routes: [] };
  writeFileSync(
    config,
    JSON.stringify({ admin: { listen: `127.0.0.1:${admin}` }, apps: { http: { servers: { rewind: server } } } }),
  );
  const env = { PATH: process.env.PATH, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const child = spawn(installed.found, ["run", "--config", config], { stdio: "ignore", env });
  const end = (): void => {
    child.kill("SIGKILL");
  };
  process.once("exit", end);
  const address = `http://127.0.0.1:${admin}`;
  const deadline = performance.now() + 20_000;
  while (
    !(await fetch(`${address}/config/`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (performance.now() > deadline || child.exitCode !== null) throw new Error("Caddy does not answer");
    await sleep(50);
  }
  return {
    admin: address,
    url: `http://127.0.0.1:${served}`,
    stop: async () => {
      process.off("exit", end);
      const ended = once(child, "exit");
      end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
