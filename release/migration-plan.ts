import type { Migration, MigrationFile } from "./migration-files";
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

/** The same with the file that it runs. */
export interface PlannedStep extends MigrationStep {
  readonly file: MigrationFile;
}

/** The way from the migration that was applied last to the pinned one. */
export interface MigrationPlan {
  readonly steps: readonly PlannedStep[];
  /** What stands in the way; nothing may be run then. */
  readonly problems: readonly string[];
}

/**
 * The migrations to run so that `target` is the last one that is applied: those after it down, newest first, or those
 * up to it up, oldest first. Whatever does not fit is a problem, named, and there are no steps then. A file that cannot
 * be read is a problem where it would have to run.
 *
 * @param files every migration of the folder, in order
 * @param applied what has run, in the order in which it did
 */
export function planMigrations(
  files: readonly Migration[],
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
    } else if (digest !== undefined && "digests" in file && !file.digests.includes(digest)) {
      problems.push(
        `${name} has been changed since it was applied; put the file back, and write a new migration instead`,
      );
    }
  });
  const ran = new Set(applied.map(({ name }) => name));
  const ups = files.slice(0, end + 1).filter(({ name }) => !ran.has(name));
  const downs = (end < 0 ? [] : applied.slice(end + 1)).flatMap(({ name }) => byName.get(name) ?? []).reverse();
  const steps: PlannedStep[] = [];
  const add = (file: Migration, direction: Direction): void => {
    if ("problem" in file) problems.push(file.problem);
    else if (file[direction] === undefined) {
      problems.push(
        `${file.name} cannot be undone: it has nothing below "-- Down Migration"; go back with point-in-time recovery (rewind database recover --before <entry> --into <folder>), or pin the schema apart: pins: {schema: …}`,
      );
    } else steps.push({ name: file.name, direction, digest: file.digest, file });
  };
  for (const file of downs) add(file, "down");
  for (const file of ups) add(file, "up");
  return problems.length > 0 ? { steps: [], problems } : { steps, problems };
}

/**
 * The steps in the transactions in which they run: as many together as can be, so that nothing of them remains when one
 * fails. What cannot be in a transaction stands alone, and what adds a value to an enum is the last of its transaction,
 * for the value may be used after a commit only.
 */
export function transactionsOf(steps: readonly PlannedStep[]): PlannedStep[][] {
  const groups: PlannedStep[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    const before = last?.at(-1);
    const apart = (each: PlannedStep): boolean => each.file[each.direction]?.alone === true;
    const commits = before?.file[before.direction]?.addsEnumValue === true;
    if (last === undefined || before === undefined || commits || apart(step) || apart(before)) groups.push([step]);
    else last.push(step);
  }
  return groups;
}

/** A step as the deployment log has it. */
export const logged = ({ name, direction, digest }: MigrationStep): MigrationStep => ({ name, direction, digest });

/** The ways down that nobody has tried yet: of these files, no passed deployment of the rehearsing stack ran one. */
export function unrehearsed(steps: readonly PlannedStep[], rehearsed: readonly MigrationStep[]): PlannedStep[] {
  const tried = new Set(rehearsed.filter(({ direction }) => direction === "down").map(keyOf));
  return steps.filter(
    ({ name, direction, file }) =>
      direction === "down" && !file.digests.some((digest) => tried.has(keyOf({ name, digest }))),
  );
}

const keyOf = ({ name, digest }: Pick<MigrationStep, "name" | "digest">): string => `${name} ${digest}`;
