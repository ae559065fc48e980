import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signCheckpoint, verifyAgainst } from "../../records/checkpoint";
import type { Entry } from "../../records/entry";
import { NewerLog } from "../../records/line";
import type { Draft } from "../../records/log";
import { openLogAt } from "../../records/open-log";
import { openStore, type Place } from "../../records/stores";
import { verifyLog } from "../../records/verify";

const loader = join(__dirname, "..", "..", "typescript.js");
const hold = (reason: string): Draft => ({ kind: "hold", release: "v1", reason });
const reasons = (entries: readonly Entry[]): string[] =>
  entries.flatMap((entry) => (entry.kind === "hold" ? [entry.reason] : []));

/** What the deployment log does in a store of every backend. */
export function describeLogIn(name: string, placeIn: (folder: string) => Place | Promise<Place>): void {
  describe(`the deployment log in ${name}`, () => {
    let folder = "";
    let place: Place;
    const open = () => openLogAt(place, "staging", (text) => text.replaceAll("secret", "***"));
    const verified = () => verifyLog(open().bytes(), "log");
    const run = (...args: string[]) => {
      const whole = ["--require", loader, join(__dirname, "log-writer.ts"), JSON.stringify(place), ...args];
      return spawn(process.execPath, whole, { stdio: ["ignore", "inherit", "inherit"] });
    };
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "rewind-log-in-"));
      place = await placeIn(folder);
    });
    afterEach(() => {
      rmSync(folder, { recursive: true });
    });

    it("L5 · gives entries back as they were appended, bound to each other, without secrets", () => {
      assert.deepEqual(open().entries(), []);
      const first = open().append(hold("a secret"));
      const second = open().append(hold("ü"));
      assert.deepEqual(open().entries(), [first, second]);
      assert.deepEqual(open().skim(), [first, second]);
      assert.deepEqual(reasons(open().entries()), ["a ***", "ü"]);
      assert.deepEqual([verified().result, verified().chained], ["sound", 2]);
    });

    it("L5 · has the same bytes as in a file, so that one goes on where the other ended", async () => {
      const file = openLogAt({ store: "json", folder: join(folder, "beside") }, "staging", String);
      for (const reason of ["one", "two", "three"]) file.append(hold(reason));
      const store = openStore(place);
      assert.equal(await store.journal("staging").append(file.bytes(), 0), true);
      await store.close();
      open().append(hold("four"));
      assert.equal(Buffer.compare(open().bytes().subarray(0, file.bytes().length), file.bytes()), 0);
      assert.deepEqual(reasons(open().entries()), ["one", "two", "three", "four"]);
      assert.deepEqual([verified().result, verified().chained], ["sound", 4]);
    });

    it("L5 · reads as far back as the last bound entry, however long that is", () => {
      open().append(hold("x".repeat(200_000)));
      open().append(hold("after it"));
      assert.deepEqual([verified().result, verified().chained], ["sound", 2]);
    });

    it("L5 · closes what a crash tore off, and refuses to write behind a newer version", async () => {
      open().append(hold("whole"));
      const store = openStore(place);
      const journal = store.journal("staging");
      await journal.append(Buffer.from('{"version":3,"id":"torn'), await journal.size());
      open().append(hold("after it"));
      assert.deepEqual(reasons(open().entries()), ["whole", "after it"]);
      assert.deepEqual([verified().result, verified().notes.map(({ flaw }) => flaw)], ["sound", ["torn"]]);
      await journal.append(Buffer.from('{"version":9,"kind":"hold"}\n'), await journal.size());
      const size = await journal.size();
      assert.throws(() => open().append(hold("behind")), NewerLog);
      assert.throws(() => open().entries(), NewerLog);
      assert.equal(await journal.size(), size);
      await store.close();
    });

    it("L5 · is signed and held against its checkpoint as in a file", () => {
      const { privateKey } = generateKeyPairSync("ed25519");
      open().append(hold("one"));
      const bytes = open().bytes();
      const { lines } = verifyLog(bytes, "log");
      const checkpoint = signCheckpoint(bytes, lines, {
        stack: "staging",
        at: "2026-11-21T00:00:00Z",
        key: privateKey,
      });
      open().append(hold("two"));
      assert.equal(verifyAgainst(open().bytes(), "log", checkpoint).result, "sound");
      assert.equal(verifyAgainst(bytes.subarray(0, 10), "log", checkpoint).result, "tampered");
    });

    it("L5 · takes an entry while the process exits, by itself, by a signal or by an error", () => {
      for (const [how, status, signal] of [
        ["end", 0, null],
        ["exit", 3, null],
        ["throw", 1, null],
        ["signal", 1, null],
      ] as const) {
        const args = ["--require", loader, join(__dirname, "log-writer.ts"), JSON.stringify(place), how, how];
        const ended = spawnSync(process.execPath, args, { encoding: "utf8" });
        assert.deepEqual([ended.status, ended.signal], [status, signal], ended.stderr);
      }
      assert.deepEqual(reasons(open().entries()), ["end", "exit", "throw", "signal"]);
      assert.deepEqual([verified().result, verified().chained], ["sound", 4]);
    });

    it("L5 · keeps every entry of several writers at once, in one chain", async () => {
      const names = ["a", "b", "c"];
      const ended = await Promise.all(names.map(async (each) => (await once(run(each, "6"), "close")) as [number]));
      assert.deepEqual(
        ended.map(([code]) => code),
        [0, 0, 0],
      );
      const expected = names.flatMap((each) => Array.from({ length: 6 }, (_, at) => `${each}-${at}`));
      assert.deepEqual(reasons(open().entries()).sort(), expected);
      assert.deepEqual([verified().result, verified().chained], ["sound", 18]);
    });
  });
}
