import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { diff, diffOf } from "../../cli/diff";
import type { Diff } from "../../cli/json/diff";
import { textOfDiff } from "../../cli/diff-text";
import { differenceOf } from "../../cli/row-files";
import { Refusal } from "../../cli/result";
import type { Row, Table } from "../../release/schema/rows";
import { project } from "../release/stack-files";
import { assertDocumented } from "./documented";
import { freshCopies } from "./project";

const table: Table = { key: "key", columns: { key: "text", value: "jsonb" } };

describe("rewind diff", () => {
  const copy = freshCopies();
  const named = (from: string, to: string, rows = 20) => diffOf(copy().where, { from, to, rows });

  it("tells what two releases pin differently, from the files alone", async () => {
    const { code, text } = await diff(copy().where, { from: "v1.2.1", to: "v1.1.0", rows: 20 });
    assert.equal(code, 0);
    assert.match(text, /Diff of staging: v1\.2\.1 \(named, deploys sha256:[0-9a-f]{12}…\) → v1\.1\.0/);
    assert.match(text, /image: engine v1\.2\.1 sha256:cd363fde3ff8… → engine v1\.1\.0 sha256:/);
    assert.match(text, /- row "fc_share"/);
    assert.match(text, /parameters\.precision: 2 → 1/);
    assert.match(text, /- statement ApplicationLists/);
    assert.match(text, /encryption: \{"algorithm":"AES256"\} → nothing/);
    assert.match(text, /8 changes, risk: medium$/);
  });

  it("is empty between a release and itself, and turns round", async () => {
    const same = await named("v1.2.0", "v1.2.0");
    assert.deepEqual([same.changes, same.risk], [[], null]);
    assert.match(textOfDiff(same), /No difference\.$/);
    const there = await named("v1.2.0", "v1.2.1");
    const back = await named("v1.2.1", "v1.2.0");
    const turned = { added: "removed", removed: "added", changed: "changed" } as const;
    assert.deepEqual(
      there.changes.map(({ entry, action, rows }) => [entry, action, rows?.added, rows?.removed]),
      back.changes.map(({ entry, action, rows }) => [entry, turned[action], rows?.removed, rows?.added]),
    );
  });

  it("compares with the pin while nothing was applied, and shows as many rows as were asked for", async () => {
    const { from, changes } = await diffOf(copy().where, { from: "v1.2.0", rows: 1 });
    assert.equal(from.as, "pinned");
    const { rows } = changes.find(({ entry }) => entry === "scoring_config")!;
    assert.deepEqual([rows?.changed, rows?.shown.length], [3, 1]);
    const text = textOfDiff(await diffOf(copy().where, { from: "v1.2.0", rows: 1 }));
    assert.match(text, /… and 2 more rows; --all shows them/);
  });

  it("refuses a release that is not there and a stack that was never verified", async () => {
    await assert.rejects(
      named("v9", "v1.2.0"),
      (error) => error instanceof Refusal && error.message.includes("no release v9"),
    );
    await assert.rejects(diffOf(copy().where, { rows: 20 }), /nothing was verified on this stack yet/);
  });

  it("shows a value that would move the cursor or turn the line round as what it is", () => {
    const side = { release: "a", digest: "sha256:1", pins: {}, as: "named" } as const;
    const value = "\u001b[2J\u202e\u0085evil";
    const found: Diff = {
      stack: "s",
      from: side,
      to: side,
      risk: "low",
      notes: [],
      changes: [
        {
          facet: "config",
          entry: "t",
          action: "changed",
          values: [],
          risk: "low",
          rows: {
            added: 1,
            removed: 0,
            changed: 0,
            shown: [{ key: value, action: "added", columns: [], after: { key: value, value } }],
          },
        },
      ],
    };
    assert.doesNotMatch(textOfDiff(found), /[\u001b\u202e\u0085]/);
  });

  it("works without an engine, colours or secrets, and prints the documented JSON", () => {
    const args = [join(project, "cli", "rewind.js"), "diff", "v1.2.1", "v1.2.0", "--stack", "staging"];
    const env = { PATH: "/nowhere", NO_COLOR: "1", PULUMI_BACKEND_URL: "file:///nowhere" };
    const text = execFileSync(process.execPath, args, { cwd: project, env, encoding: "utf8" });
    assert.doesNotMatch(text, /\u001b/);
    const json = JSON.parse(
      execFileSync(process.execPath, [...args, "--json"], { cwd: project, env, encoding: "utf8" }),
    ) as Diff;
    assert.deepEqual(Object.keys(json), ["stack", "from", "to", "risk", "changes", "notes"]);
    assert.deepEqual(json.to.pins, {});
    const refused = spawnSync(process.execPath, [...args.slice(0, 2), "v9", ...args.slice(4), "--json"], {
      cwd: project,
      env,
      encoding: "utf8",
    });
    assert.equal(refused.status, 10);
    assertDocumented(["diff"], refused.stdout);
    assertDocumented(["diff"], JSON.stringify(json));
    assert.equal((JSON.parse(refused.stdout) as { outcome: string }).outcome, "refused");
  }).timeout(60_000);
});

describe("the rows of two files", () => {
  const copy = freshCopies();
  const fileOf = (name: string, rows: readonly Row[]) => {
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    writeFileSync(join(copy().folder, name), text);
    return {
      file: { file: name, digest: `sha256:${createHash("sha256").update(text).digest("hex")}`, count: rows.length },
    };
  };
  const rowsOf = fc.uniqueArray(fc.record({ key: fc.string({ maxLength: 4 }), value: fc.jsonValue() }), {
    selector: ({ key }) => key,
    maxLength: 8,
  }) as fc.Arbitrary<Row[]>;

  it("differ by exactly the rows that were added, removed and changed, whatever their order and where they stand", async () => {
    await fc.assert(
      fc.asyncProperty(rowsOf, rowsOf, fc.boolean(), async (before, after, inline) => {
        const from = inline ? { rows: before } : fileOf("before.jsonl", before);
        const found = await differenceOf(copy().folder, from, fileOf("after.jsonl", after), table, Infinity);
        const keys = (rows: readonly Row[]) => new Map(rows.map((row) => [row.key as string, JSON.stringify(row)]));
        const [a, b] = [keys(before), keys(after)];
        const added = [...b.keys()].filter((key) => !a.has(key));
        const removed = [...a.keys()].filter((key) => !b.has(key));
        const stayed = [...b.keys()].filter((key) => a.has(key));
        const changed = found.shown.filter(({ action }) => action === "changed").map(({ key }) => key);
        assert.deepEqual([found.added, found.removed], [added.length, removed.length]);
        assert.ok(changed.every((key) => stayed.includes(key)));
        for (const key of stayed) if (a.get(key) === b.get(key)) assert.ok(!changed.includes(key), key);
        assert.equal(found.shown.length, found.added + found.removed + found.changed);
      }),
      { numRuns: 50 },
    );
  });

  it("differ by every digit of their numbers, which are told as they are written, and not by how these are written", async () => {
    const numbers: Table = { key: "id", columns: { id: "bigint", amount: "numeric(40,20)", value: "jsonb" } };
    const written = (name: string, lines: readonly string[]) => {
      const text = lines.map((line) => `${line}\n`).join("");
      writeFileSync(join(copy().folder, name), text);
      const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
      return { file: { file: name, digest, count: lines.length } };
    };
    const before = written("before.jsonl", [
      '{"id":9007199254740993,"amount":1.00000000000000000001,"value":{"a":1e400,"b":-0,"c":1.0}}',
      '{"id":9007199254740992,"amount":1.50,"value":1.0}',
      '{"id":3,"amount":"7","value":9007199254740993}',
    ]);
    const after = written("after.jsonl", [
      '{"id":"9007199254740993","amount":1.00000000000000000002,"value":{"a":10e399,"b":0,"c":1}}',
      '{"id":9007199254740992,"amount":"1.5","value":1}',
      '{"id":3,"amount":7.000,"value":9007199254740992}',
    ]);
    const found = await differenceOf(copy().folder, before, after, numbers, Infinity);
    assert.deepEqual([found.added, found.removed, found.changed], [0, 0, 2]);
    assert.deepEqual(
      found.shown.map(({ key, columns }) => `${key} ${columns.join(", ")}`),
      ["3 value", "9007199254740993 amount"],
    );
    const change = { facet: "config", entry: "numbers", action: "changed", values: [], risk: "low" } as const;
    const sides = { release: "v1", digest: "sha256:", pins: {}, as: "named" } as const;
    const text = textOfDiff({
      ...{ stack: "local", from: sides, to: sides, risk: "low", notes: [] },
      changes: [{ ...change, rows: found }],
    });
    assert.match(text, /amount: 1\.00000000000000000001 → 1\.00000000000000000002/);
    assert.match(text, /value: 9007199254740993 → 9007199254740992/);
  });

  it("are counted all and shown in part", async () => {
    const many = Array.from({ length: 5_000 }, (_, at) => ({ key: `k${at}`, value: at }));
    const found = await differenceOf(copy().folder, { rows: [] }, fileOf("many.jsonl", many), table, 3);
    assert.deepEqual([found.added, found.shown.length], [5_000, 3]);
  });

  it("are refused when a file is cut off, missing, outside, or holds what is no row", async () => {
    const whole = fileOf("rows.jsonl", [{ key: "a", value: 1 }]);
    const ask = (file: object) => differenceOf(copy().folder, { rows: [] }, { file: file as never }, table, 9);
    writeFileSync(join(copy().folder, "rows.jsonl"), '{"key":"a"}\n');
    await assert.rejects(ask(whole.file), { message: /rows\.jsonl has sha256:.*, pinned is/, kind: "tampered" });
    await assert.rejects(ask({ ...whole.file, file: "nowhere.jsonl" }), /no file nowhere\.jsonl/);
    await assert.rejects(ask({ ...whole.file, file: "../../../etc/hosts" }), /leads out of the project|no file/);
    writeFileSync(join(copy().folder, "rows.jsonl"), '{"key":"a"}\n[1]\n');
    await assert.rejects(ask(whole.file), /rows\.jsonl line 2: expected a JSON object/);
  });
});
