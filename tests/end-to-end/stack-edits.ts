import { readFileSync, writeFileSync } from "node:fs";
import { parseDocument } from "yaml";
import type { Fixture } from "./fixture";

/** A place below `config:` in a stack file, and the value that goes there; undefined takes out what is there. */
export type Edit = readonly [path: string, value: unknown];

/** Sets values in the stack file of a fixture, as an editor would. */
export function edit({ stackFile }: Pick<Fixture, "stackFile">, ...edits: readonly Edit[]): void {
  const document = parseDocument(readFileSync(stackFile, "utf8"));
  for (const [path, value] of edits) {
    const keys = ["config", ...path.split("/")];
    if (value === undefined) document.deleteIn(keys);
    else document.setIn(keys, value);
  }
  // The engine would take an unquoted 2012-10-17 for a time.
  writeFileSync(
    stackFile,
    document.toString({ lineWidth: 0, defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" }),
  );
}

/** What stands below `config:`, anchors resolved. */
export function configOf({
  stackFile,
}: Pick<Fixture, "stackFile">): Record<string, Record<string, Record<string, unknown>>> {
  const { config } = parseDocument(readFileSync(stackFile, "utf8")).toJS() as { config: never };
  return config;
}

/**
 * Leaves a stack its database and a single function: for tests of the database, which have no use for four containers.
 * What a check would ask of the others goes, too.
 */
export function keepTheDatabase(stack: Pick<Fixture, "stackFile">): void {
  const config = configOf(stack);
  const only = "score_prism";
  const others = Object.keys(config["rewind:environment"]?.functions ?? {}).filter((name) => name !== only);
  const checks = Object.keys(config["rewind:verification"]?.checks ?? {});
  edit(
    stack,
    ...Object.keys(config["rewind:releases"] ?? {}).flatMap((id): Edit[] => [
      [`rewind:releases/${id}/services`, undefined],
      ...others.map((name): Edit => [`rewind:releases/${id}/functions/${name}`, undefined]),
    ]),
    ["rewind:environment/services", undefined],
    ["rewind:environment/routes", undefined],
    ...others.map((name): Edit => [`rewind:environment/functions/${name}`, undefined]),
    // A machine that is busy with other tests answers late.
    [`rewind:environment/functions/${only}/healthcheck/timeout`, "30s"],
    ...checks
      .filter((name) => name !== "members-only")
      .map((name): Edit => [`rewind:verification/checks/${name}`, undefined]),
    ["rewind:verification/timeout", "20s"],
    ["rewind:verification/deadline", "20s"],
  );
}
