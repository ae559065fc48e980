import { exitCodes } from "./exit-codes";
import { jsonSchemaOf, schemas } from "./json/verbs";
import { Refusal, type VerbResult } from "./result";

/**
 * `rewind schema <verb>`: the JSON Schema, draft 2020-12, of what the verb prints with `--json`.
 * @throws Refusal when there is no such verb, or it prints no JSON
 */
export function schema(verb: string): VerbResult {
  const found = Object.hasOwn(schemas, verb) ? schemas[verb] : undefined;
  if (found === undefined) {
    throw new Refusal(`no schema of ${JSON.stringify(verb)}`, `one of: ${Object.keys(schemas).join(", ")}`);
  }
  const json = jsonSchemaOf(verb, found);
  return { code: exitCodes.ok, text: JSON.stringify(json, null, 2), json };
}
