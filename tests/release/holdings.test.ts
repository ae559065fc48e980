import assert from "node:assert/strict";
import fc from "fast-check";
import { describeLoss, keptHoldings, holdingsOf, isProtected, letGoOf, lossesOf } from "../../release/holdings";
import type { Settings } from "../../release/parse";
import { loadReal } from "./stack-files";

type Stack = Pick<Settings, "environment" | "letGo">;
const prod = (): Stack => {
  const { environment } = loadReal("prod").settings;
  return { environment };
};
const reason = "moved to another account; ticket 123";

interface Parts {
  services: { api: { volumes?: object } };
  database?: { name: string; schemas?: object; tables: Record<string, unknown> };
  objectStore: { buckets: Record<string, string> };
}

/** The stack with other names, or without something. */
const renamed = (change: (environment: Parts) => void, letGo?: Settings["letGo"]): Stack => {
  const environment = structuredClone(prod().environment);
  change(environment as unknown as Parts);
  return { environment, ...(letGo === undefined ? {} : { letGo }) };
};
const paths = (stack: Stack, held = keptHoldings(prod())) => lossesOf(stack, held).map(({ path }) => path);

describe("what holds customer data", () => {
  it("W1 · is every database, schema, table, bucket and volume of the environment", () => {
    const stack = renamed((environment) => {
      environment.services.api.volumes = { data: "/data" };
      environment.database!.schemas = { reports: {} };
    });
    assert.deepEqual(
      holdingsOf(stack).map(({ path }) => path),
      [
        "database",
        "database/schema",
        "database/schemas/reports",
        "config/scoring_config",
        "storage/documents",
        "services/api/data",
      ],
    );
  });

  it("is protected unless the kind is local, and there when the environment says so", () => {
    assert.equal(isProtected({ kind: "production" }), true);
    assert.equal(isProtected({ kind: "staging" }), true);
    assert.equal(isProtected({ kind: "local" }), false);
    assert.equal(isProtected({ kind: "local", protect: true }), true);
  });

  it("is not lost while the environment stays as it is, whatever is let go", () => {
    assert.deepEqual(paths(prod()), []);
    assert.deepEqual(paths({ ...prod(), letGo: { "storage/documents": reason } }), []);
  });

  const losses: readonly [string, Stack, readonly string[]][] = [
    ["a renamed bucket", renamed((e) => void (e.objectStore.buckets.documents = "other")), ["storage/documents"]],
    [
      "a bucket that is gone",
      renamed((e) => void Reflect.deleteProperty(e.objectStore.buckets, "documents")),
      ["storage/documents"],
    ],
    [
      "a table that is gone",
      renamed((e) => void Reflect.deleteProperty(e.database!.tables, "scoring_config")),
      ["config/scoring_config"],
    ],
    [
      "a database of another name, with all that is in it",
      renamed((e) => void (e.database!.name = "other")),
      ["database", "database/schema", "config/scoring_config"],
    ],
    [
      "a database section that is gone",
      renamed((e) => delete e.database),
      ["database", "database/schema", "config/scoring_config"],
    ],
  ];
  for (const [what, stack, expected] of losses) {
    it(`W1 · is missed with ${what}, by name and with what to write`, () => {
      const found = lossesOf(stack, keptHoldings(prod()));
      assert.deepEqual(
        found.map(({ path }) => path),
        expected,
      );
      for (const loss of found)
        assert.match(describeLoss(loss), /holds data \(.+\) and .*rewind:letGo \{".+": "<reason>"\}/);
    });
  }

  it("W1 · is let go by name: renamed at once, gone only after an update that unprotected it", () => {
    const letGo = { "storage/documents": reason };
    const other = renamed((e) => void (e.objectStore.buckets.documents = "other"), letGo);
    assert.deepEqual(paths(other), []);
    const gone = renamed((e) => void Reflect.deleteProperty(e.objectStore.buckets, "documents"), letGo);
    assert.deepEqual(
      lossesOf(gone, keptHoldings(prod())).map(({ tooSoon }) => tooSoon),
      [true],
    );
    assert.deepEqual(paths(gone, keptHoldings({ ...prod(), letGo })), []);
  });

  it("lets go what stands in a database together with it, and nothing else", () => {
    const letGo = { database: reason };
    const found = fc.constantFrom("database", "database/schema", "config/scoring_config", "storage/documents");
    fc.assert(
      fc.property(found, (path) => {
        assert.equal(letGoOf({ letGo }, path) === reason, path !== "storage/documents");
      }),
    );
  });
});
