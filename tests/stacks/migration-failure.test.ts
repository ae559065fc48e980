import assert from "node:assert/strict";
import { explain, MigrationFailure } from "../../stacks/migration-failure";

describe("a migration that failed", () => {
  const said = (applied: readonly string[]): string => {
    const failure = new MigrationFailure(new Error("no such type"), undefined, { kind: "nothing" });
    return explain(failure, { folder: "migrations", direction: "up", applied }).message;
  };

  it("is told with what ran before it, and of many with the first, the last and the count", () => {
    assert.match(said(["1_a", "2_b"]), /; 1_a, 2_b ran before it and stay; nothing of it remains/);
    const many = Array.from({ length: 431 }, (_, at) => `${at + 1}_change`);
    assert.match(said(many), /; 1_change to 431_change, 431 migrations, ran before it and stay; nothing of it remains/);
    assert.ok(said(many).length < 300);
  });
});
