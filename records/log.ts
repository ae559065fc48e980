import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname } from "node:path";
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
      const entry = { version: 1, id: nextId(now()), at: now().toISOString(), stack, by: author(), ...draft } as Entry;
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
    // A torn line left by a crash must not swallow the entry that follows it.
    const torn = endsTorn(path);
    writeSync(file, `${torn ? "\n" : ""}${line}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  if (made !== undefined) syncFolder(dirname(made));
  syncFolder(dirname(path));
}

/** A new file is lost with the machine's power unless its folder is on the disk too. Windows has no such call. */
function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function endsTorn(path: string): boolean {
  const text = readFileSync(path, "utf8");
  return text !== "" && !text.endsWith("\n");
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
      if (index === lines.length - 1 || !line.endsWith("}")) return [];
      throw new Error(`${path}:${index + 1}: not an entry of the deployment log`);
    }
    if ((entry.version as number) !== 1) {
      throw new Error(
        `${path}:${index + 1}: an entry of version ${String(entry.version)}; this Rewind reads version 1`,
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
