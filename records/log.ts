import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname } from "node:path";
import { syncFolder } from "./atomic-file";
import type { Entry, Outcome } from "./entry";

/** What of an entry its writer says; the log adds who, when and which. */
type Written = "version" | "id" | "at" | "stack" | "by";
export type Draft = Entry extends infer E
  ? E extends Entry
    ? Omit<E, Written> & { readonly id?: string }
    : never
  : never;

/** A stack's deployment log. It is only ever appended to. */
export interface DeploymentLog {
  /** Where it is, for people. */
  readonly location: string;
  /** Appends an entry and returns it once it is on the disk. */
  append(draft: Draft): Entry;
  /** An id for an entry to come. Ids sort by time. */
  nextId(): string;
  /** All entries, oldest first. */
  entries(): Entry[];
  /**
   * The same for verbs that look back over years: what an outcome's checks saw, most of a log, is parsed only when it is
   * read, and a line that is broken in there is named only then.
   */
  skim(): Entry[];
}

/** A line of the log was written by a newer Rewind. The message says which. */
export class NewerLog extends Error {
  override readonly name = "NewerLog";
}

/** A line of the log is not what any Rewind wrote. The message says which. */
export class DamagedLog extends Error {
  override readonly name = "DamagedLog";
}

/**
 * The deployment log in a file of JSON lines, every append followed by an fsync. Appending is synchronous because the
 * last chance to write an outcome is while the process exits, when nothing asynchronous runs any more.
 *
 * @throws DamagedLog from `entries` and `skim` when a line other than a torn last one is not an entry, naming the line
 */
export function openFileLog(path: string, stack: string, now: () => Date = () => new Date()): DeploymentLog {
  return {
    location: path,
    append: (draft) => {
      const entry = { version: 2, id: nextId(now()), at: now().toISOString(), stack, by: author(), ...draft } as Entry;
      appendLine(path, JSON.stringify(entry));
      return entry;
    },
    nextId: () => nextId(now()),
    entries: () => readEntries(path, (line) => parseEntry(line.toString())),
    skim: () => readEntries(path, skimEntry),
  };
}

/** Four random bytes keep two writers of the same second apart. */
function nextId(now: Date): string {
  return `${now.toISOString().replace(/[-:]|\.\d+/g, "")}-${randomBytes(4).toString("hex")}`;
}

/**
 * Who writes: the user of the machine, and before it the person that REWIND_OPERATOR names, where a pipeline or a shared
 * account works for one. Nobody proves who they are here: that is the machine's, or the pipeline's.
 * @throws Error when REWIND_OPERATOR is no name
 */
export function author(): string {
  const operator = process.env.REWIND_OPERATOR;
  if (operator === undefined || operator === "") return account();
  if (!/^[\p{L}\p{N}._@+-]{1,100}$/u.test(operator)) {
    throw new Error("REWIND_OPERATOR: expected a name of at most 100 letters, digits and . _ @ + -");
  }
  return `${operator} via ${account()}`;
}

function account(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run as a user that has no name.
    return `unknown@${hostname()}`;
  }
}

function appendLine(path: string, line: string): void {
  const made = mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, "a", 0o600);
  try {
    // A torn line left by a crash must not swallow the entry that follows it. Unlike writeSync this writes to the end.
    writeFileSync(file, `${closeTorn(path)}${line}\n`);
    fsyncSync(file);
  } catch (error) {
    // A write to an open file does not say to which.
    const { message, code } = error as NodeJS.ErrnoException;
    throw Object.assign(new Error(`cannot write ${path}: ${message}`), { code });
  } finally {
    closeSync(file);
  }
  if (made !== undefined) syncFolder(dirname(made));
  syncFolder(dirname(path));
}

/** Stands behind what a crash tore off, which may end like a whole line does. */
const tornMark = " (torn)";

/** What closes the last line of a log: nothing, the end of the line, or the mark that it is torn. */
function closeTorn(path: string): string {
  const text = readFileSync(path, "utf8");
  if (text === "" || text.endsWith("\n")) return "";
  const last = text.slice(text.lastIndexOf("\n") + 1);
  return parseEntry(last) === undefined ? `${tornMark}\n` : "\n";
}

/** As a number: a text would be encoded anew for every line. */
const lineFeed = 0x0a;

/** Reads a line of the log; undefined when it is not an entry. `where` names the line. */
type ReadLine = (line: Buffer, where: string) => Entry | undefined;

function readEntries(path: string, read: ReadLine): Entry[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const entries: Entry[] = [];
  let start = 0;
  for (let number = 1; start < bytes.length; number += 1) {
    const newline = bytes.indexOf(lineFeed, start);
    const end = newline < 0 ? bytes.length : newline;
    const line = bytes.subarray(start, end);
    start = end + 1;
    if (line.length === 0) continue;
    const where = `${path}:${number}`;
    const entry = read(line, where);
    if (entry !== undefined) entries.push(checkVersion(entry, where));
    // What a crash tore off was never acknowledged: nobody was told that it had been written.
    else if (newline >= 0 && !line.toString().endsWith(tornMark)) throw notAnEntry(where);
  }
  return entries;
}

function checkVersion(entry: Entry, where: string): Entry {
  if ([1, 2].includes(entry.version)) return entry;
  throw new NewerLog(`${where}: an entry of version ${String(entry.version)}; this Rewind reads versions 1 and 2`);
}

const notAnEntry = (where: string): DamagedLog => new DamagedLog(`${where}: not an entry of the deployment log`);

// Outside a text JSON has no quote without a backslash before it, so neither can stand within one.
const checksBegin = Buffer.from(',"checks":[');
const checksEnd = Buffer.from('],"milliseconds":');

/** An outcome without its checks, as this Rewind writes it; every other line is parsed as a whole. */
function skimEntry(line: Buffer, where: string): Entry | undefined {
  const begin = line.indexOf(checksBegin);
  const end = begin < 0 ? -1 : line.lastIndexOf(checksEnd);
  const outline = end < begin || begin < 0 ? undefined : parseEntry(withoutChecks(line, begin, end));
  if (outline?.kind !== "outcome") return parseEntry(line.toString());
  skimmed.set(outline, { line, where });
  return Object.defineProperty(outline, "checks", checksOnDemand);
}

function withoutChecks(line: Buffer, begin: number, end: number): string {
  return line.toString("utf8", 0, begin) + line.toString("utf8", end + 1);
}

const skimmed = new WeakMap<Outcome, { readonly line: Buffer; readonly where: string }>();
/** One getter for all, or the engine would look after each outcome as a kind of its own. */
const checksOnDemand: PropertyDescriptor & ThisType<Outcome> = {
  enumerable: true,
  get() {
    const { line, where } = skimmed.get(this) ?? {};
    const whole = parseEntry(String(line));
    if (whole?.kind !== "outcome") throw notAnEntry(String(where));
    return whole.checks;
  },
};

function parseEntry(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "kind" in value ? (value as Entry) : undefined;
  } catch {
    return undefined;
  }
}
