import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { Names } from "./completion";
import { stackNames } from "./stack-names";

/**
 * The names of a project's stacks and releases, for completion: read from the stack files as they stand, without the
 * schema, for whoever types does not wait for it. What cannot be read has no names.
 */
export function namesIn(folder: string): Names {
  const stacks = (): readonly string[] => attempt(() => stackNames(folder));
  return {
    stacks,
    releases: (stack) => [...new Set((stack === undefined ? stacks() : [stack]).flatMap((each) => of(folder, each)))],
  };
}

function of(folder: string, stack: string): readonly string[] {
  return attempt(() => {
    if (!stackNames(folder).includes(stack)) return [];
    const text = readFileSync(join(folder, `Pulumi.${stack}.yaml`), "utf8");
    const { config = {} } = parse(text, { maxAliasCount: 1_000, logLevel: "silent" }) as { config?: Filed };
    const archive = config["rewind:archive"]?.file;
    return [
      ...Object.keys(config["rewind:releases"] ?? {}),
      ...(archive === undefined ? [] : archived(folder, archive)),
    ];
  });
}

/** What is read of a stack file, where it is one. */
interface Filed {
  readonly "rewind:releases"?: object;
  readonly "rewind:archive"?: { readonly file: string };
}

const archived = (folder: string, file: string): readonly string[] =>
  attempt(() => Object.keys(JSON.parse(readFileSync(join(folder, file), "utf8")) as object));

function attempt(read: () => readonly string[]): readonly string[] {
  try {
    return read();
  } catch {
    return [];
  }
}
