import assert from "node:assert/strict";
import fc from "fast-check";
import { broughtKeys, differences, mayReplace, placeProblem } from "../../release/brought";
import { canonicalJson } from "../../release/canonical";
import { Settings } from "../../release/schema/settings";

const json = fc.jsonValue({ maxDepth: 4 });

describe("what a pull request brings", () => {
  it("is of the keys of a stack file those that name no host, no secret and no check; a new key is not among them", () => {
    const others = Object.keys(Settings.shape).filter((key) => !broughtKeys.some((each) => each === key));
    assert.deepEqual(others.sort(), [
      "approval",
      "backups",
      "environment",
      "lostEntries",
      "objectives",
      "onFailure",
      "secrets",
      "verification",
    ]);
  });

  it("SEC-H5 · differs in no place exactly where both are the same, in whatever order keys stand", () => {
    fc.assert(
      fc.property(json, json, (one, other) => {
        assert.deepEqual(differences(one, one), []);
        assert.equal(differences(one, other).length === 0, canonicalJson(one) === canonicalJson(other));
      }),
    );
  });

  it("SEC-H5 · differs where one value of it was put, taken out or changed, and there alone", () => {
    const keys = fc.array(fc.stringMatching(/^[a-z_]{1,8}$/), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(json, keys, fc.integer(), (value, path, changed) => {
        const holding = (inner: unknown): unknown =>
          path.reduceRight<unknown>((within, key) => ({ [key]: within }), inner);
        const other = { mark: changed };
        const found = differences(holding(value), holding(other));
        const same = canonicalJson(value) === canonicalJson(other);
        assert.equal(found.length > 0, !same);
        for (const each of found) assert.deepEqual(each.slice(0, path.length), path);
      }),
    );
  });

  it("SEC-H5 · is no file that Node could load: by its ending, its folder, its neighbours or its name", () => {
    const refused = [
      ["cli/main.ts", "rows"],
      ["checks/http", "rows"],
      ["node_modules/pg/index.json", "rows"],
      ["a/node_modules/x.yaml", "release"],
      [".github/workflows/x.yaml", "release"],
      [".git/hooks/x.sql", "migration"],
      ["Pulumi.prod.yaml", "release"],
      ["releases/PulumiPlugin.yaml", "release"],
      ["releases/package.json", "release"],
      ["releases/x.js", "release"],
      ["rows/x.jsonl.js", "rows"],
      ["migrations/0001.js", "migration"],
    ] as const;
    for (const [path, kind] of refused) assert.notEqual(placeProblem(path, kind, []), undefined, path);
    assert.match(placeProblem("checks/http.json", "rows", ["http.ts"]) ?? "", /would lie beside programs/);
    assert.match(placeProblem("local.json", "rows", ["local", "rows"]) ?? "", /would lie beside programs/);
    const taken = [
      ["releases/v1.yaml", "release"],
      ["releases/archive-0123456789ab.json", "release"],
      ["rows/limits.jsonl", "rows"],
      ["migrations/0002_add/migration.sql", "migration"],
      ["trust/bundles/ab.sigstore.json", "signature"],
    ] as const;
    for (const [path, kind] of taken) assert.equal(placeProblem(path, kind, ["v0.yaml", "README.md"]), undefined, path);
    const programs = ["cli/main.ts", "package.json", "migrations/0001.sql"];
    assert.deepEqual(programs.filter(mayReplace), []);
  });
});
