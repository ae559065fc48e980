import assert from "node:assert/strict";
import { schemas } from "../../cli/json/verbs";

/** The verb among the arguments of a command line, as the schemas call it: `release list`, `status`. */
export function verbIn(args: readonly string[]): string {
  const [first = "", second = ""] = args;
  return `${first} ${second}` in schemas ? `${first} ${second}` : first;
}

/** What was printed with `--json` is what the verb's schema says, or that of a refusal; returns it. */
export function assertDocumented(args: readonly string[], printed: string): unknown {
  const verb = verbIn(args);
  const json: unknown = JSON.parse(printed);
  const own = schemas[verb]?.safeParse(json);
  assert.ok(own !== undefined, `rewind ${verb} has no schema of what it prints`);
  if (!own.success && schemas.refusal?.safeParse(json).success !== true) {
    assert.fail(`rewind ${args.join(" ")} printed what its schema does not say: ${own.error.message}\n${printed}`);
  }
  return json;
}
