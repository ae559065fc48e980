import { parseStrictly, RepeatedKey } from "./exact-json";
import { keyOf, MisfitRow, rowTexts } from "./rows";
import { columnsOf, keyColumns } from "./rows";
import type { Row, Table } from "./schema/rows";

/**
 * The row of one line of a row file, checked: a JSON object with exactly the table's columns, values that fit, no key of
 * an object twice, a whole key. Every digit is kept.
 * @throws MisfitRow with what is wrong, without the place
 */
export function rowOfLine(line: string, table: Table): { readonly row: Row; readonly key: string } {
  const row = objectOfLine(line);
  rowTexts(row, columnsOf(table));
  const fields = row as Row;
  const missing = keyColumns(table).find((column) => fields[column] === null);
  if (missing !== undefined) throw new MisfitRow(`${missing}: a key is never null`);
  return { row: fields, key: keyOf(fields, table) };
}

/**
 * The JSON of a line, every digit kept; whether it is a row of a table is for others to say.
 * @throws MisfitRow when it is not JSON, or has a key twice
 */
export function objectOfLine(line: string): unknown {
  try {
    return parseStrictly(line);
  } catch (error) {
    throw new MisfitRow(error instanceof RepeatedKey ? error.message : "expected a JSON object, whole and on one line");
  }
}
