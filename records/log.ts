import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname } from "node:path";
import { syncFolder } from "./atomic-file";
import type { Entry } from "./entry";

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
}

/**
 * The deployment log in a file of JSON lines, every append followed by an fsync. Appending is synchronous because the
 * last chance to write an outcome is while the process exits, when nothing asynchronous runs any more.
 *
 * @throws Error from `entries` when a line other than a torn last one is not an entry, naming the line
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
    entries: () => readEntries(path),
  };
}

/** Four random bytes keep two writers of the same second apart. */
function nextId(now: Date): string {
  return `${now.toISOString().replace(/[-:]|\.\d+/g, "")}-${randomBytes(4).toString("hex")}`;
}

function author(): string {
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

function readEntries(path: string): Entry[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const lines = text.split("\n");
  return lines.flatMap((line, index): Entry[] => {
    if (line === "") return [];
    const entry = parseEntry(line);
    if (entry === undefined) {
      // What a crash tore off was never acknowledged: nobody was told that it had been written.
      if (index === lines.length - 1 || line.endsWith(tornMark)) return [];
      throw new Error(`${path}:${index + 1}: not an entry of the deployment log`);
    }
    if (![1, 2].includes(entry.version)) {
      throw new Error(
        `${path}:${index + 1}: an entry of version ${String(entry.version)}; this Rewind reads versions 1 and 2`,
      );
    }
    return [entry];
  });
}

function parseEntry(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "kind" in value ? (value as Entry) : undefined;
  } catch {
    return undefined;
  }
}
