import { hash } from "node:crypto";
import type { Digest } from "../release/primitives";
import type { Entry } from "./entry";

/** A line of the log was written by a newer Rewind. The message says which. */
export class NewerLog extends Error {
  override readonly name = "NewerLog";
}

/** A line of the log is not what any Rewind wrote. The message says which. */
export class DamagedLog extends Error {
  override readonly name = "DamagedLog";
}

/** What binds an entry to all before it. It stands at the end of its line; whoever reads entries does not see it. */
export interface Link {
  /** The SHA-256 of everything since the beginning of the chained line before; without one, of everything. */
  readonly previous: Digest;
  /** The number of the writer, which rises with every one. */
  readonly token: number;
  /** The SHA-256 of the line up to here, so that a change of the last line shows, too. */
  readonly digest: Digest;
}

/** The form of the entries that this Rewind writes, the first that is chained. */
export const writtenVersion = 3;

/** As a number: a text would be encoded anew for every line. */
export const lineFeed = 0x0a;

/** Stands behind what a crash tore off, which may end like a whole line does. */
export const tornMark = " (torn)";
const mark = Buffer.from(tornMark.trimStart());
const hole = Buffer.alloc(2);

/**
 * Whether a crash tore a line, given without its end: the next writer marked it, or the disk wrote a later part of it and
 * not an earlier one, where it leaves zeros. A line has none; a single one may be a bit that flipped.
 */
export const isTorn = (line: Buffer): boolean =>
  line[0] === 0 || (line.subarray(-mark.length).equals(mark) && !isWholeBeforeMark(line)) || line.includes(hole);

/** A crash leaves no whole entry before the mark: somebody who wants the entry gone put the mark there. */
function isWholeBeforeMark(line: Buffer): boolean {
  const before = line.subarray(0, line.length - tornMark.length);
  const link = linkOf(before);
  return link !== undefined && isIntact(before, link);
}

const link = /,"previous":"(sha256:[0-9a-f]{64})","token":([1-9]\d{0,11}),"digest":"(sha256:[0-9a-f]{64})"\}$/;
/** No link is longer. */
const linkBytes = 200;
const digestBytes = ',"digest":"sha256:"}'.length + 64;

/** The SHA-256 of some bytes, as `sha256:<64 hex>`. */
export const sha256 = (bytes: Uint8Array | string): Digest => `sha256:${hash("sha256", bytes, "hex")}`;

/** No writer has a higher number: one a second for thirty thousand years. */
export const highestToken = 999_999_999_999;

/**
 * The line of an entry, without its end, bound to what stands before it.
 * @throws DamagedLog when the number of the writer before cannot be one
 */
export function chainedLine(entry: Entry, { previous, token }: Omit<Link, "digest">): string {
  if (token > highestToken) throw new DamagedLog(`the last entry's token is ${token - 1}, which no writer ever had`);
  const own = `${JSON.stringify(entry).slice(0, -1)},"previous":"${previous}","token":${token}`;
  return `${own},"digest":"${sha256(own)}"}`;
}

/** What binds a line, given without its end; undefined when nothing does. Whether it is true, `verifyLog` asks. */
export function linkOf(line: Buffer): Link | undefined {
  const found = link.exec(line.toString("latin1", Math.max(0, line.length - linkBytes)));
  if (found === null) return undefined;
  const [, previous, token, digest] = found as unknown as [string, Digest, string, Digest];
  return { previous, token: Number(token), digest };
}

/** Whether a chained line is as it was written. */
export const isIntact = (line: Buffer, { digest }: Link): boolean =>
  sha256(line.subarray(0, line.length - digestBytes)) === digest;

/** The entry of a line; undefined when it is none, as is one of this version without what binds it. */
export function parseEntry(line: string): Entry | undefined {
  const bound = link.exec(line.slice(-linkBytes));
  try {
    const entry = JSON.parse(bound === null ? line : `${line.slice(0, -bound[0].length)}}`) as Entry;
    if (!("kind" in entry)) return undefined;
    return entry.version === writtenVersion && bound === null ? undefined : entry;
  } catch {
    // No JSON, or no object, which cannot be asked for what it has.
    return undefined;
  }
}

/**
 * An entry that this Rewind can read.
 * @throws NewerLog when it is of another version
 */
export function checkVersion(entry: Entry, where: string): Entry {
  if (entry.version >= 1 && entry.version <= writtenVersion) return entry;
  throw new NewerLog(`${where}: an entry of version ${String(entry.version)}; this Rewind reads versions 1 to 3`);
}
