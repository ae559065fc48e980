import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { escapeIdentifier, type ClientBase } from "pg";
import { from } from "pg-copy-streams";
import { parseExactly } from "../release/exact-json";
import { MisfitRow, rowTexts } from "../release/rows";
import type { ColumnType } from "../release/columns";
import { atLine } from "./file";
import type { RowSource } from "./source";

/**
 * Streams rows into a table with COPY, in PostgreSQL's text format. Memory stays the same whatever the number of rows.
 * @throws RowFileError when the rows are not the pinned ones: then nothing that was copied may be kept
 */
export async function copyRows(
  client: ClientBase,
  into: string,
  columns: readonly [name: string, type: ColumnType][],
  source: RowSource,
): Promise<void> {
  const names = columns.map(([name]) => escapeIdentifier(name));
  const copy = client.query(from(`copy ${into} (${names.join(", ")}) from stdin`));
  await pipeline(Readable.from(copyLines(source, columns), { objectMode: true, highWaterMark: 2 }), copy);
}

async function* copyLines(source: RowSource, columns: readonly [string, ColumnType][]): AsyncGenerator<Buffer> {
  for await (const { first, lines } of source.lines()) {
    let text = "";
    for (const [index, line] of lines.entries()) {
      const plain = isPlain(line);
      text += atLine(source.name, first + index, () => copyLine(rowTexts(parsed(line), columns, plain), plain));
    }
    yield Buffer.from(text, "utf8");
  }
}

/**
 * Whether a line of JSON escapes nothing but backslashes, as every `bytea` has one. Then no text in it holds a character that
 * PostgreSQL does not take, and but for backslashes none that COPY would take otherwise.
 */
function isPlain(line: string): boolean {
  for (let at = line.indexOf("\\"); at >= 0; at = line.indexOf("\\", at + 2)) {
    if (line[at + 1] !== "\\") return false;
  }
  return true;
}

function parsed(line: string): unknown {
  try {
    return parseExactly(line);
  } catch {
    throw new MisfitRow("expected a JSON object, whole and on one line");
  }
}

/**
 * A row in the text format of COPY: columns by tabs, NULL as \N, and a backslash before what would mean more. A plain row
 * holds none of that but backslashes.
 */
export function copyLine(texts: readonly (string | null)[], plain = false): string {
  let line = "";
  for (let at = 0; at < texts.length; at += 1) {
    const text = texts[at] ?? null;
    if (at > 0) line += "\t";
    line +=
      text === null
        ? "\\N"
        : (plain ? text.includes("\\") : special.test(text))
          ? text.replace(specials, escaped)
          : text;
  }
  return `${line}\n`;
}

const special = /[\\\t\n\r\b\f\v]/;
const specials = /[\\\t\n\r\b\f\v]/g;
const letters: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
  "\b": "\\b",
  "\f": "\\f",
  "\v": "\\v",
};
const escaped = (found: string): string => letters[found] ?? found;
