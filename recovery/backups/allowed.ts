import { basename } from "node:path";
import type { BackupPart } from "../../release/backup-manifest";
import type { KeptFile } from "./read";

/** What belongs to a stack, by name: a restore writes to nothing else, whatever a backup holds. */
export interface Belongings {
  readonly stack: string;
  /** The names of the stack file and of the project's file. */
  readonly stackFiles: readonly string[];
  /** What `rewind:backups.extra` names now; the list in the backup is not asked. */
  readonly extra: readonly string[];
}

/**
 * Everything in some parts of a backup that does not belong to its stack, each in a line of its own with the reason. Names
 * are compared as they are: one that a file system without case would take for another is another here.
 */
export function foreignIn(files: readonly KeptFile[], parts: readonly BackupPart[], own: Belongings): string[] {
  return files.flatMap(({ path }) => {
    const [part = "", ...steps] = path.split("/");
    const wanted = parts.find((each) => each === part);
    if (wanted === undefined) return [];
    const why = reasons[wanted](steps.join("/"), own);
    return why === undefined ? [] : [`${path} ${why}`];
  });
}

type Reason = (name: string, own: Belongings) => string | undefined;

const only =
  (pattern: RegExp, what: string): Reason =>
  (name) =>
    pattern.test(name) ? undefined : `is not ${what}`;

const reasons: Readonly<Record<BackupPart, Reason>> = {
  stack: (name, { stackFiles }) => (stackFiles.includes(name) ? undefined : `is not ${stackFiles.join(" or ")}`),
  state: only(/^state\.json$/, "the engine's state"),
  rows: only(/^[a-z0-9_-]+\.jsonl$/, "the rows of a table"),
  policies: only(/^policies\.json$/, "the policies of the buckets"),
  database: only(/^[a-z0-9_-]+\.dump$/, "the dump of a database"),
  records: (name, { stack }) =>
    isRecord(name, stack) ? undefined : `is not a record of ${stack}: its log, applied rows, or a LevelDB`,
  extra: (name, { extra }) => {
    if (!isBelow(name, extra)) return "lies in no folder that rewind:backups.extra names now";
    const step = codeIn(name);
    return step === undefined ? undefined : `is run by other programs by its name: ${step}`;
  },
};

/** The log of another stack lies in the same folder, and its name may begin with that of this one. */
const isRecord = (name: string, stack: string): boolean =>
  name === `${stack}.jsonl` ||
  /^rows\/[0-9a-f]{64}\.jsonl$/.test(name) ||
  /^leveldb\/(?:[a-z]{1,20}\/)?(?:CURRENT|LOG|LOG\.old|MANIFEST-[0-9]{1,20}|[0-9]{1,20}\.(?:ldb|sst|log|dbtmp))$/.test(
    name,
  );

export const isBelow = (name: string, roots: readonly string[]): boolean =>
  roots.some((root) => name === root || name.startsWith(`${root}/`));

/** Folders from which other programs run what lies in them, or read what to run. */
const folders = new Set(
  ".git .hg .svn .husky .githooks .github .gitlab .circleci .vscode .idea .devcontainer .direnv .rewind .pulumi .ssh .aws .docker node_modules".split(
    " ",
  ),
);
/** Files that do the same wherever they lie. */
const files =
  /^(?:\.envrc|\.npmrc|\.yarnrc.*|\.pnp\..*|\.gitconfig|\.gitattributes|\.gitmodules|\.mocharc.*|\.bashrc|\.profile|package\.json|package-lock\.json|npm-shrinkwrap\.json|tsconfig.*\.json|pulumi\..*)$/;

/** The step of a path that makes other programs run something; file systems do not agree on case, dots and blanks. */
export function codeIn(path: string): string | undefined {
  const steps = path.split("/");
  return steps.find((step, at) => {
    const name = plain(step);
    return folders.has(name) || (at === steps.length - 1 && files.test(name));
  });
}

/** A name as the laxest file system reads it: Windows leaves dots and blanks at its end out, HFS+ what is not seen. */
const plain = (step: string): string =>
  step
    .normalize("NFKC")
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .replace(/:.*$/, "")
    .replace(/[. ]+$/, "")
    .replace(/^git~[0-9]+$/i, ".git")
    .toLowerCase();

/** The names that the stack part may have, from the paths of the two files. */
export const namesOf = (paths: readonly string[]): string[] => [...new Set(paths.map((path) => basename(path)))];
