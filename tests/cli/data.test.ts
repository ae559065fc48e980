import assert from "node:assert/strict";
import { tableOf } from "../../cli/data-list";
import { momentOf } from "../../cli/data-since";
import { checkLines } from "../../cli/report";
import { Refusal } from "../../cli/result";
import type { Hold } from "../../records/entry";

const entry: Hold = {
  ...{ version: 2, id: "20250917T033000Z-0a1b2c3d", at: "2025-09-17T03:30:00.000Z", stack: "staging", by: "me@here" },
  ...{ kind: "hold", release: "v1.2.1", reason: "broken" },
};

describe("a moment that was typed", () => {
  it("is a time, or the time of an entry of the log", () => {
    assert.equal(momentOf(undefined, [entry]), undefined);
    assert.equal(momentOf("2025-09-17T19:00:00+02:00", [entry]), "2025-09-17T19:00:00+02:00");
    assert.equal(momentOf(entry.id, [entry]), entry.at);
  });

  for (const text of ["", "yesterday", "2025-09-17", "2025-02-30T00:00:00Z", "now() or true", entry.id.slice(0, -1)]) {
    it(`is refused: ${JSON.stringify(text)}`, () => {
      assert.throws(() => momentOf(text, [entry]), Refusal);
    });
  }
});

describe("rows for people", () => {
  it("stand in columns, and what a customer wrote moves no cursor", () => {
    const lines = tableOf([
      { id: "1", text: "a\u001b[2Jb\nc" },
      { id: "22", text: null },
      { id: "3", text: "x".repeat(100) },
    ]);
    assert.deepEqual(lines, ["  id  text", "  1   a�[2Jb�c", "  22  NULL", `  3   ${"x".repeat(59)}…`]);
    assert.deepEqual(tableOf([]), []);
  });
});

describe("a check for people", () => {
  it("P2 · says which trigger it is before what it saw", () => {
    const check = {
      name: "gate",
      result: "failed",
      evidence: "200, expected 401",
      milliseconds: 5,
      attempts: 1,
    } as const;
    assert.match(
      checkLines([{ ...check, trigger: "token gating bypassed" }])[0]!,
      /trigger "token gating bypassed": 200/,
    );
    assert.match(checkLines([check])[0]!, / {2}200, expected 401$/);
  });
});
