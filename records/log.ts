import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { appendInTurn } from "./append";
import type { Entry, Outcome } from "./entry";
import { chainedLine, checkVersion, DamagedLog, isTorn, lineFeed, parseEntry, writtenVersion } from "./line";
import { withoutSecrets } from "./prose";

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
  /** The file that it is; undefined in other stores. */
  readonly file?: string;
  /** Appends an entry, without the values of secrets, and returns it once it is on the disk. */
  append(draft: Draft): Entry;
  /** An id for an entry to come. Ids sort by time. */
  nextId(): string;
  /**
   * All entries, oldest first.
   * @param bytes what of it was read already; where that is left out, it is read
   */
  entries(bytes?: Buffer): Entry[];
  /**
   * The same for verbs that look back over years: what an outcome's checks saw, most of a log, is parsed only when it is
   * read, and a line that is broken in there is named only then.
   */
  skim(): Entry[];
  /** It as it stands, byte for byte. */
  bytes(): Buffer;
}

/** Where the lines of a log are, reached without anything asynchronous. */
export interface LogLines {
  readonly location: string;
  /** None before the first. */
  read(): Buffer;
  /** Binds an entry to what stands before it, and waits until its line is on the disk. */
  append(entry: Entry): void;
}

/**
 * The deployment log over its lines: every entry is bound to the one before, and of several processes one writes at a
 * time. Appending is synchronous because the last chance to write an outcome is while the process exits, when nothing
 * asynchronous runs any more.
 *
 * @param redact takes the values of secrets out of a text
 * @throws DamagedLog from `entries` and `skim` when a line other than a torn last one is not an entry, naming the line;
 *   NewerLog when one is of a newer version, and from `append` when the last one is
 */
export function logOver(
  lines: LogLines,
  stack: string,
  redact: (text: string) => string,
  now: () => Date = () => new Date(),
): DeploymentLog {
  const { location } = lines;
  return {
    location,
    append: (draft) => {
      const written = { version: writtenVersion, id: nextId(now()), at: now().toISOString(), stack, by: author() };
      const entry = { ...written, ...withoutSecrets(draft, redact) } as Entry;
      lines.append(entry);
      return entry;
    },
    nextId: () => nextId(now()),
    entries: (bytes = lines.read()) => readEntries(bytes, location, parseLine),
    skim: () => readEntries(lines.read(), location, skimEntry),
    bytes: () => lines.read(),
  };
}

/**
 * The deployment log in a file of JSON lines.
 * @throws what `logOver` does; LogHeld from `append` when another process does not let go
 */
export function openFileLog(
  path: string,
  stack: string,
  redact: (text: string) => string,
  now?: () => Date,
): DeploymentLog {
  const append = (entry: Entry): void => {
    appendInTurn(path, ({ previous, closing }, token) => ({
      closing,
      bytes: `${chainedLine(entry, { previous, token })}\n`,
    }));
  };
  return { ...logOver({ location: path, read: () => readBytes(path), append }, stack, redact, now), file: path };
}

/** All entries of a deployment log in a file, for whoever does not write it. Throws DamagedLog, NewerLog. */
export function readFileLog(path: string): Entry[] {
  return readEntries(readBytes(path), path, parseLine);
}

/** The bytes of a deployment log in a file; none before the first entry. */
export function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
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

let known: string | undefined;

/** Asked once: a process does not become another user's. */
function account(): string {
  return (known ??= askAccount());
}

function askAccount(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run as a user that has no name.
    return `unknown@${hostname()}`;
  }
}

/** Reads a line of the log; undefined when it is not an entry. `where` names the line. */
type ReadLine = (line: Buffer, where: string) => Entry | undefined;

const parseLine: ReadLine = (line) => parseEntry(line.toString());

function readEntries(bytes: Buffer, path: string, read: ReadLine): Entry[] {
  const entries: Entry[] = [];
  let start = 0;
  for (let number = 1; start < bytes.length; number += 1) {
    const newline = bytes.indexOf(lineFeed, start);
    const end = newline < 0 ? bytes.length : newline;
    const line = bytes.subarray(start, end);
    start = end + 1;
    if (line.length === 0) continue;
    const where = `${path}:${number}`;
    // What a crash tore off was never acknowledged: nobody was told that it had been written.
    if (isTorn(line)) continue;
    const entry = read(line, where);
    if (entry !== undefined) entries.push(checkVersion(entry, where));
    else if (newline >= 0) throw notAnEntry(where);
  }
  return entries;
}

const notAnEntry = (where: string): DamagedLog => new DamagedLog(`${where}: not an entry of the deployment log`);

// Outside a text JSON has no quote without a backslash before it, so neither can stand within one.
const checksBegin = Buffer.from(',"checks":[');
const checksEnd = Buffer.from('],"milliseconds":');

/** An outcome without its checks, as this Rewind writes it; every other line is parsed as a whole. */
function skimEntry(line: Buffer, where: string): Entry | undefined {
  const outline = parseOutline(line);
  if (outline?.kind !== "outcome") return parseEntry(line.toString());
  skimmed.set(outline, { line, where });
  return Object.defineProperty(outline, "checks", checksOnDemand);
}

/** The entry of a line without the checks in it; undefined where it has none, or they do not stand where Rewind writes them. */
function parseOutline(line: Buffer): Entry | undefined {
  const begin = line.indexOf(checksBegin);
  if (begin < 0) return undefined;
  const end = line.lastIndexOf(checksEnd);
  return parseEntry(line.toString("utf8", 0, begin) + line.toString("utf8", end + 1));
}

const skimmed = new WeakMap<Outcome, { readonly line: Buffer; readonly where: string }>();
/** One getter for all, or the engine would look after each outcome as a kind of its own. */
const checksOnDemand: PropertyDescriptor & ThisType<Outcome> = {
  enumerable: true,
  get() {
    const found = skimmed.get(this);
    const whole = parseEntry(String(found?.line));
    if (whole?.kind !== "outcome") throw notAnEntry(String(found?.where));
    return whole.checks;
  },
};
