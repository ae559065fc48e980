import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeSealed } from "../../cli/sealed-folder";
import { copyInto, differences, surplusOf } from "../../records/convert";
import { openFileLog } from "../../records/log";
import type { Json, Store } from "../../records/store";
import { openStore } from "../../records/stores";
import { verifyLog } from "../../records/verify";
import { backupsIn, isReadable } from "../../recovery/backups/read";
import { problemsOf } from "../../recovery/backups/verify";
import { writeBackup } from "../../recovery/backups/write";

/** Something that a process does again and again, and that can be killed at any moment. */
export interface Trade {
  /** What has to be there before. */
  prepare?(folder: string): Promise<void>;
  write(folder: string, number: number): void | Promise<void>;
  /** Throws when what was acknowledged is not there, or something that is neither it nor the one that was begun. */
  check(folder: string, written: readonly number[], begun: number): void | Promise<void>;
}

const logOf = (folder: string) => openFileLog(join(folder, "records", "staging.jsonl"), "staging", String);

const appending: Trade = {
  write: (folder, number) => {
    logOf(folder).append({ kind: "hold", release: "v1", reason: `${number}`.repeat(1 + (number % 300)) });
  },
  check: (folder, written, begun) => {
    const reasons = logOf(folder)
      .entries()
      .flatMap((entry) => (entry.kind === "hold" ? [entry.reason] : []));
    const expected = (numbers: readonly number[]) => numbers.map((number) => `${number}`.repeat(1 + (number % 300)));
    const possible = [expected(written), expected([...written, begun])];
    assert.ok(
      possible.some((each) => each.join() === reasons.join()),
      "not the entries that were written",
    );
    const bytes = logOf(folder).bytes();
    assert.notEqual(verifyLog(bytes, "log").result, "tampered");
  },
};

/** Changes two records at once and appends a line, to a store of some kind. */
function keeping(open: (folder: string) => Store): Trade {
  return {
    write: async (folder, number) => {
      const store = open(folder);
      const text = "x".repeat(number % 3_000);
      await store.collection("contracts").write(
        new Map<string, Json>([
          ["a", { number, text }],
          ["b", { number }],
        ]),
      );
      const journal = store.journal("staging");
      assert.ok(await journal.append(Buffer.from(`${number}\n`), await journal.size()));
      await store.close();
    },
    check: async (folder, written, begun) => {
      const store = open(folder);
      const records = await Promise.all(["a", "b"].map((key) => store.collection("contracts").get(key)));
      const numbers = new Set(records.map((record) => (record as { number: number } | undefined)?.number));
      const last = written.at(-1);
      assert.equal(numbers.size, 1, "a mix of two writes");
      assert.ok(numbers.has(last) || numbers.has(begun), "not the records that were written");
      const lines = (await store.journal("staging").read()).toString();
      const whole = lines.slice(0, lines.lastIndexOf("\n") + 1);
      const expected = written.map((number) => `${number}\n`).join("");
      assert.ok([expected, `${expected}${begun}\n`].includes(whole), "not the lines that were written");
      await store.close();
    },
  };
}

const json = (folder: string): Store => openStore({ store: "json", folder: join(folder, "records") });
const level = (folder: string): Store => openStore({ store: "leveldb", folder: join(folder, "records") });

/** Copies a store into new ones of the other kind. */
const converting = (source: (folder: string) => Store, copy: (folder: string) => Store): Trade => ({
  prepare: async (folder) => {
    const store = source(folder);
    await store.journal("staging").append(Buffer.from("a line\n".repeat(2_000)), 0);
    const records = Array.from({ length: 26 }, (_, at) => [`contract-${at}`, { at, code: "0x".repeat(400) }] as const);
    await store.collection("contracts").write(new Map<string, Json>(records));
    await store.close();
  },
  write: async (folder, number) => {
    const [from, to] = [source(folder), copy(join(folder, `${number}`))];
    await copyInto(to, from);
    assert.deepEqual(await differences(to, from), []);
    await Promise.all([from.close(), to.close()]);
  },
  check: async (folder, written, begun) => {
    const from = source(folder);
    assert.equal(await from.journal("staging").size(), 14_000, "the old store is kept");
    for (const number of [...written.slice(-2), begun]) {
      const to = copy(join(folder, `${number}`));
      if (number === begun) {
        assert.deepEqual(await surplusOf(to, from), []);
        await copyInto(to, from);
      }
      assert.deepEqual(await differences(to, from), []);
      await to.close();
    }
  },
});

const contents = { "stack.yaml": "a".repeat(70_000), "rows.jsonl": "b".repeat(60_000) };

const sealing: Trade = {
  write: (folder, number) => {
    writeSealed(join(folder, "backups", `${number}`), contents);
  },
  check: (folder, written, begun) => {
    for (const number of [...written, begun]) {
      const place = join(folder, "backups", `${number}`);
      if (number === begun && !existsSync(place)) continue;
      assert.deepEqual(readdirSync(place).sort(), ["SHA256SUMS", "rows.jsonl", "stack.yaml"]);
      for (const [name, text] of Object.entries(contents)) assert.equal(readFileSync(join(place, name), "utf8"), text);
    }
  },
};

/** Makes backups of two files. */
const backingUp: Trade = {
  write: async (folder, number) => {
    const facts = { stack: "staging", at: new Date().toISOString(), occasion: "request", name: `${number}` } as const;
    await writeBackup(join(folder, "backups"), facts, async (staging) => {
      for (const [name, text] of Object.entries(contents)) await staging.add(`extra/${name}`, text);
      return undefined;
    });
  },
  check: (folder, written, begun) => {
    const names = backupsIn(join(folder, "backups")).map((backup) => {
      assert.ok(isReadable(backup), "half a backup is listed");
      assert.deepEqual(problemsOf(backup), []);
      return Number(backup.manifest?.name);
    });
    const possible = [written, [...written, begun]].map((numbers) => numbers.toReversed());
    assert.ok(
      possible.some((each) => each.join() === names.join()),
      "not the backups that were written",
    );
  },
};

export const trades = {
  "a log appended to": appending,
  "a store in files written to": keeping(json),
  "a store in LevelDB written to": keeping(level),
  "a store copied into LevelDB": converting(json, level),
  "a store copied into files": converting(level, json),
  "backups made": backingUp,
  "folders sealed": sealing,
} as const satisfies Readonly<Record<string, Trade>>;
