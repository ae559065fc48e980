import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { createReadStream, realpathSync, statSync } from "node:fs";
import { resolve, sep } from "node:path";
import { rowOfLine } from "../release/row-line";
import { MisfitRow, type RowsDigest } from "../release/rows";
import type { Table } from "../release/schema/rows";
import { counted, lfsPointer, notFetched } from "../release/text";
import { KeySet } from "./key-set";

/** A row file is not what was pinned. The message says which file, where in it, and what was expected. */
export class RowFileError extends Error {
  override readonly name = "RowFileError";
}

/** A row file has other bytes than were pinned. */
export class ChangedRowFile extends RowFileError {}

/** Some lines of a row file, in order; `first` is the number of the first of them, from one. */
export interface Lines {
  readonly first: number;
  readonly lines: readonly string[];
}

const longestLine = 16 * 1024 * 1024;
const newline = 0x0a;
const lfs = Buffer.from(lfsPointer);

/**
 * The lines of a row file, as they stream by. Whoever reads them must not keep what came of them unless the reader came
 * to its end: only there is it known whether the bytes were the pinned ones.
 *
 * @param name how messages call the file
 * @throws RowFileError when the file is cut off, is not UTF-8, or has another digest or count than it should
 */
export async function* linesOf(
  path: string,
  name: string,
  { digest, count }: RowsDigest,
  signal?: AbortSignal,
): AsyncGenerator<Lines, void> {
  const hash = createHash("sha256");
  let seen = 0;
  for await (const lines of plainLinesOf(path, name, { signal, onChunk: (chunk) => hash.update(chunk) })) {
    yield lines;
    seen += lines.lines.length;
  }
  const actual = `sha256:${hash.digest("hex")}`;
  if (actual !== digest)
    throw new ChangedRowFile(`${name} has ${actual}, pinned is ${digest}: it is not the file it was`);
  if (seen !== count) throw new ChangedRowFile(`${name} has ${counted(seen, "row")}, pinned are ${count}`);
}

/**
 * The lines of a file of rows whose digest somebody else looks at.
 * @throws RowFileError when the file is cut off or is not UTF-8
 */
export async function* plainLinesOf(
  path: string,
  name: string,
  { signal, onChunk }: { readonly signal?: AbortSignal | undefined; readonly onChunk?: (chunk: Buffer) => void } = {},
): AsyncGenerator<Lines, void> {
  let [rest, seen]: [Buffer, number] = [Buffer.alloc(0), 0];
  const stream = createReadStream(path, { highWaterMark: 256 * 1024, ...(signal === undefined ? {} : { signal }) });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    onChunk?.(chunk);
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(newline);
    rest = bytes.subarray(end + 1);
    if (rest.length > longestLine) throw new RowFileError(`${name} line ${seen + 1}: longer than ${longestLine} bytes`);
    if (end < 0) continue;
    const whole = bytes.subarray(0, end);
    if (seen === 0 && whole.subarray(0, lfs.length).equals(lfs)) throw new RowFileError(notFetched(name));
    if (seen === 0 && whole[0] === 0xef) throw new RowFileError(`${name} line 1: begins with a byte order mark`);
    if (!isUtf8(whole)) throw new RowFileError(`${name} line ${seen + brokenLine(whole)}: not UTF-8`);
    const lines = whole.toString("utf8").split("\n");
    yield { first: seen + 1, lines };
    seen += lines.length;
  }
  if (rest.length > 0) throw new RowFileError(`${name} line ${seen + 1}: cut off in the middle of a line`);
}

function brokenLine(bytes: Buffer): number {
  let [number, from] = [1, 0];
  for (let to = bytes.indexOf(newline); to >= 0; to = bytes.indexOf(newline, from)) {
    if (!isUtf8(bytes.subarray(from, to))) return number;
    [number, from] = [number + 1, to + 1];
  }
  return number;
}

/**
 * Reads a row file to its end and checks all of it: digest, count, every line a row of the table, no key twice. What it
 * keeps of each row is eight bytes.
 * @throws RowFileError naming the line
 */
export async function checkRowFile(
  path: string,
  pinned: RowsDigest,
  table: Table,
  signal?: AbortSignal,
): Promise<void> {
  const name = pinned.file ?? path;
  const seen = new KeySet();
  for await (const { first, lines } of linesOf(path, name, pinned, signal)) {
    for (const [index, line] of lines.entries()) {
      const number = first + index;
      const { key } = atLine(name, number, () => rowOfLine(line, table));
      if (!seen.add(key)) continue;
      const before = await lineWith(key, path, pinned, table, signal);
      if (before < number) {
        throw new RowFileError(`${name} line ${number}: the key ${key.slice(0, 100)} stands in line ${before} too`);
      }
    }
  }
}

/** The first line with a key. */
async function lineWith(
  key: string,
  path: string,
  pinned: RowsDigest,
  table: Table,
  signal: AbortSignal | undefined,
): Promise<number> {
  for await (const { first, lines } of linesOf(path, path, pinned, signal)) {
    const at = lines.findIndex((line) => rowOfLine(line, table).key === key);
    if (at >= 0) return first + at;
  }
  return Infinity;
}

/** Names the line under what is wrong with a row. */
export function atLine<T>(name: string, line: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MisfitRow) throw new RowFileError(`${name} line ${line}: ${error.message}`);
    // A value of JSON that whoever writes it again cannot walk through.
    if (error instanceof RangeError) throw new RowFileError(`${name} line ${line}: nested too deeply`);
    throw error;
  }
}

/**
 * Where a file of the project lies. Links that lead out of the project are refused like paths that do.
 * @throws RowFileError when there is no such file
 */
export function inProject(folder: string, file: string): string {
  const root = realpathSync(folder);
  let real: string;
  try {
    real = realpathSync(resolve(root, file));
  } catch {
    throw new RowFileError(`no file ${file}`);
  }
  if (!real.startsWith(root + sep)) throw new RowFileError(`${file} leads out of the project`);
  if (!statSync(real).isFile()) throw new RowFileError(`${file} is no file`);
  return real;
}
