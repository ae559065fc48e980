import { digestsIn, readMigrations } from "../checks/migration-folder";
import { readProjectText } from "../checks/project-text";
import { sha256 } from "../records/line";
import type { Settings } from "../release/parse";
import type { Pinned } from "../release/pinned";
import type { Digest } from "../release/primitives";

/**
 * The SHA-256 of every file of the project whose SQL a change runs: the migrations between the two pins, by name, and the
 * bodies of functions, by path. They stand in no release, so a plan that is agreed to names them. A file that cannot be
 * read is left out: the gate refuses it by name.
 *
 * @param folder the project's
 */
export function textsOf(
  folder: string,
  from: Pinned,
  { pinned, environment: { database } }: Pick<Settings, "pinned" | "environment">,
): Record<string, Digest> {
  const [before, after] = [from.facets.schema.migration, pinned.facets.schema.migration];
  const migrations = database?.migrations?.folder;
  const ran =
    migrations === undefined || before === after ? {} : between(readDigests(folder, migrations), before, after);
  const bodies = Object.values(database?.functions ?? {}).flatMap(({ body }): [string, Digest][] => {
    if (typeof body === "string") return [];
    const digest = digestOfText(folder, body.file);
    return digest === undefined ? [] : [[body.file, digest]];
  });
  return { ...ran, ...Object.fromEntries(bodies) };
}

function readDigests(folder: string, migrations: string): Readonly<Record<string, Digest>> {
  try {
    return digestsIn(readMigrations(folder, migrations));
  } catch {
    return {};
  }
}

/** The migrations after one and up to the other, in whichever direction; from the first where there is no one. */
function between(
  digests: Readonly<Record<string, Digest>>,
  one: string | undefined,
  other: string | undefined,
): Record<string, Digest> {
  const names = Object.keys(digests);
  const [low = 0, high = 0] = [one, other].map((name) => names.indexOf(name ?? "") + 1).sort((a, b) => a - b);
  return Object.fromEntries(Object.entries(digests).slice(low, high));
}

function digestOfText(folder: string, file: string): Digest | undefined {
  try {
    return sha256(readProjectText(folder, file));
  } catch {
    return undefined;
  }
}
