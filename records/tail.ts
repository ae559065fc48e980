import { fstatSync, readSync } from "node:fs";
import type { Digest } from "../release/primitives";
import type { Journal } from "./store";
import { checkVersion, lineFeed, linkOf, parseEntry, sha256, tornMark } from "./line";

/** What an entry that is about to be written has to know of the end of the log. */
export interface Tail {
  /** In bytes: as long as the file has that many, nobody else has written. */
  readonly size: number;
  /** The number of the last writer; 0 before the first. */
  readonly token: number;
  readonly previous: Digest;
  /** What closes the last line: nothing, the end of the line, or the mark that it is torn. */
  readonly closing: string;
}

const firstRead = 16 * 1_024;

/**
 * Reads a log from its end, as far back as its last chained line; a log without one is read as a whole.
 * @param length how many bytes are looked at first
 * @throws NewerLog when the last line is an entry of a newer version
 */
export function readTail(file: number, path: string, length = firstRead): Tail {
  const { size } = fstatSync(file);
  return tailIn(readEnd(file, size, length), size, path) ?? readTail(file, path, length * 8);
}

/**
 * The same of a journal, of which bytes are read as far back.
 * @param location names it in errors
 * @param length how many bytes are looked at first
 */
export async function readJournalTail(journal: Journal, location: string, length = firstRead): Promise<Tail> {
  const from = Math.max(0, (await journal.size()) - length);
  const bytes = await journal.read(from);
  const tail = tailIn(bytes, from + bytes.length, location);
  return tail ?? readJournalTail(journal, location, length * 8);
}

/** Undefined when the last bytes of a log do not go back far enough. */
function tailIn(bytes: Buffer, size: number, path: string): Tail | undefined {
  const last = lastChained(bytes);
  // Of a line that begins before what was read nobody knows where.
  if (bytes.length < size && (last === undefined || last.start === 0)) return undefined;
  const closing = closingOf(bytes, path);
  const { start, token } = last ?? { start: 0, token: 0 };
  const since = bytes.subarray(start);
  const previous = sha256(Buffer.concat([since, Buffer.from(closing)]));
  return { size, token, previous, closing };
}

function readEnd(file: number, size: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(Math.min(size, length));
  for (let read = 0; read < bytes.length;) {
    const more = readSync(file, bytes, read, bytes.length - read, size - bytes.length + read);
    if (more === 0) throw new Error("it became shorter while it was read");
    read += more;
  }
  return bytes;
}

/** Where the last chained line of some bytes begins, and the number of its writer; undefined when there is none. */
export function lastChained(bytes: Buffer): { readonly start: number; readonly token: number } | undefined {
  for (let end = bytes.length; end > 0;) {
    if (bytes[end - 1] === lineFeed) end -= 1;
    const start = bytes.subarray(0, end).lastIndexOf(lineFeed) + 1;
    const link = linkOf(bytes.subarray(start, end));
    if (link !== undefined) return { start, token: link.token };
    end = start;
  }
  return undefined;
}

/** A torn line left by a crash must not swallow the entry that follows it. */
function closingOf(bytes: Buffer, path: string): string {
  const ended = bytes.length === 0 || bytes.at(-1) === lineFeed;
  const upTo = ended ? bytes.subarray(0, -1) : bytes;
  const entry = parseEntry(upTo.toString("utf8", upTo.lastIndexOf(lineFeed) + 1));
  if (entry !== undefined) checkVersion(entry, `the last line of ${path}`);
  if (ended) return "";
  return entry === undefined ? `${tornMark}\n` : "\n";
}
