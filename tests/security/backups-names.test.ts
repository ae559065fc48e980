import assert from "node:assert/strict";
import type { BackupPart } from "../../release/backup-manifest";
import { freshStacks } from "./backup-stack";

describe("a backup that holds what does not belong to its stack", function () {
  this.timeout(20_000);
  const stack = freshStacks();

  const foreign: readonly [name: string, part: BackupPart][] = [
    ["stack/cli/main.ts", "stack"],
    ["stack/stacks/index.ts", "stack"],
    ["stack/Pulumi.prod.yaml", "stack"],
    ["stack/pulumi.staging.yaml", "stack"],
    ["stack/Pulumi.staging.yaml/x", "stack"],
    ["stack/.npmrc", "stack"],
    ["stack/package.json", "stack"],
    ["extra/cli/main.ts", "extra"],
    ["extra/.git/hooks/pre-commit", "extra"],
    ["extra/data/.git/hooks/pre-commit", "extra"],
    ["extra/data/.GIT/config", "extra"],
    ["extra/data/.git./config", "extra"],
    ["extra/data/.git /config", "extra"],
    ["extra/data/git~1/config", "extra"],
    ["extra/data/.g\u200cit/config", "extra"],
    ["extra/data/.git::$INDEX_ALLOCATION/config", "extra"],
    ["extra/data/.husky/pre-commit", "extra"],
    ["extra/data/.envrc", "extra"],
    ["extra/data/deep/package.json", "extra"],
    ["extra/data/node_modules/pg/index.js", "extra"],
    ["extra/data/Pulumi.staging.yaml", "extra"],
    ["extra/data.evil/x", "extra"],
    ["extra/Data/x", "extra"],
    ["extra/.rewind/records/prod.jsonl", "extra"],
    ["records/prod.jsonl", "records"],
    ["records/staging.eu.jsonl", "records"],
    ["records/STAGING.jsonl", "records"],
    ["records/rows/x.jsonl", "records"],
    ["records/leveldb/../x", "records"],
    ["records/leveldb/evil.js", "records"],
    ["state/other.json", "state"],
    ["rows/../stack/x", "rows"],
    ["policies/more.json", "policies"],
    ["database/evil.sql", "database"],
  ];
  for (const [name, part] of foreign) {
    it(`SEC-H1 · with ${JSON.stringify(name)} is refused even with --unproven, and nothing is touched`, async () => {
      if (name.includes("..")) return assert.rejects(stack().forge({ [name]: "x" }), /cannot hold a file of the name/);
      const id = await stack()
        .forge({ [name]: "{}" })
        .catch(() => undefined);
      if (id === undefined) return undefined;
      return stack().untouched(
        () => stack().restore({ id, parts: [part], unproven: true }),
        /does not belong to staging/,
      );
    });
  }
});
