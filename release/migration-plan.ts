import type { MigrationFile } from "./migration-files";
import type { Digest } from "./primitives";

/** A migration that has run, and the digest of the file from which it did, where that was noted. */
export interface AppliedMigration {
  readonly name: string;
  readonly digest: Digest | undefined;
}

export type Direction = "up" | "down";

/** One migration to run, as the deployment log names it. */
export interface MigrationStep {
  readonly name: string;
  readonly direction: Direction;
  readonly digest: Digest;
}

/** The way from the migration that was applied last to the pinned one. */
export interface MigrationPlan {
  readonly steps: readonly MigrationStep[];
  /** What stands in the way; nothing may be run then. */
  readonly problems: readonly string[];
}

/**
 * The migrations to run so that `target` is the last one that is applied: those after it down, newest first, or those
 * up to it up, oldest first. Whatever does not fit is a problem, named, and there are no steps then.
 *
 * @param files every migration of the folder, in order
 * @param applied what has run, in the order in which it did
 */
export function planMigrations(
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
  target: string,
): MigrationPlan {
  const byName = new Map(files.map((file) => [file.name, file]));
  const problems: string[] = [];
  const end = files.findIndex(({ name }) => name === target);
  if (end < 0) problems.push(`${target}: there is no such file; the last one is ${files.at(-1)?.name ?? "none"}`);
  applied.forEach(({ name, digest }, index) => {
    const file = byName.get(name);
    if (file === undefined) problems.push(`${name} has been applied, and its file is gone; put it back`);
    else if (files[index]?.name !== name) {
      problems.push(
        `${name} has been applied where ${files[index]?.name ?? "nothing"} comes next; migrations run in order`,
      );
    } else if (digest !== undefined && digest !== file.digest) {
      problems.push(
        `${name} has been changed since it was applied; put the file back, and write a new migration instead`,
      );
    }
  });
  const wanted = files.slice(0, end + 1);
  const ran = new Set(applied.map(({ name }) => name));
  const ups = wanted.filter(({ name }) => !ran.has(name));
  const downs = applied.flatMap(({ name }, index) => (index > end ? [byName.get(name)] : [])).reverse();
  for (const file of downs) {
    if (file !== undefined && file.down === undefined) {
      problems.push(
        `${file.name} cannot be undone: it has nothing below "-- Down Migration"; go back with point-in-time recovery (rewind database recover), or pin the schema apart: pins: {schema: …}`,
      );
    }
  }
  if (problems.length > 0) return { steps: [], problems };
  const step = (file: MigrationFile, direction: Direction): MigrationStep => ({
    name: file.name,
    direction,
    digest: file.digest,
  });
  return {
    steps: [
      ...downs.flatMap((file) => (file === undefined ? [] : [step(file, "down")])),
      ...ups.map((file) => step(file, "up")),
    ],
    problems: [],
  };
}

/** The ways down that nobody has tried yet: of these files, no passed deployment of the rehearsing stack ran one. */
export function unrehearsed(steps: readonly MigrationStep[], rehearsed: readonly MigrationStep[]): MigrationStep[] {
  const tried = new Set(rehearsed.filter(({ direction }) => direction === "down").map(keyOf));
  return steps.filter((step) => step.direction === "down" && !tried.has(keyOf(step)));
}

const keyOf = ({ name, digest }: MigrationStep): string => `${name} ${digest}`;
