import assert from "node:assert/strict";
import { declareStack } from "../stacks/declared";

/** What the application's role is granted on the schemas of a stack whose file says so much of it. */
async function grantedWith(role: Record<string, unknown>): Promise<Record<string, unknown>> {
  const { resources } = await declareStack("local", (config) => {
    const { database } = config["rewind:environment"] as { database: { role: Record<string, unknown> } };
    delete database.role.create;
    Object.assign(database.role, role);
  });
  const grants = [...resources.values()].filter(
    ({ type, inputs }) => type === "postgresql:index/grant:Grant" && inputs.objectType === "schema",
  );
  return Object.fromEntries(
    grants.map(({ inputs }) => [`${String(inputs.role)} ${String(inputs.schema)}`, inputs.privileges]),
  );
}

describe("the application's right to create", function () {
  this.timeout(30_000);
  it("SEC-H4 · is granted on the schema only where the stack file says so", async () => {
    assert.deepEqual((await grantedWith({}))["scoring_app app"], ["USAGE"]);
    assert.deepEqual((await grantedWith({ create: false }))["scoring_app app"], ["USAGE"]);
    assert.deepEqual((await grantedWith({ create: true }))["scoring_app app"], ["CREATE", "USAGE"]);
  });
});
