import { keyOf, MisfitRow, rowTexts } from "./rows";
import { columnsOf, keyColumns } from "./rows";
import type { Row, Table } from "./schema/rows";

/**
 * The row of one line of a row file, checked: a JSON object with exactly the table's columns, values that fit and kept
 * every digit, no key of an object twice, a whole key.
 * @throws MisfitRow with what is wrong, without the place
 */
export function rowOfLine(line: string, table: Table): { readonly row: Row; readonly key: string } {
  const row = parsed(line);
  rowTexts(row, columnsOf(table));
  const fields = row as Row;
  const missing = keyColumns(table).find((column) => fields[column] === null);
  if (missing !== undefined) throw new MisfitRow(`${missing}: a key is never null`);
  // What is written again as it was read lost nothing; only where it is not, it is looked at token by token.
  if (JSON.stringify(row) !== line) refuseLossy(line);
  return { row: fields, key: keyOf(fields, table) };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new MisfitRow("expected a JSON object, whole and on one line");
  }
}

const token = /"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|[{}[\]:,]|[a-z]+/g;

/** Refuses what JSON.parse passes over in silence: a key twice in one object, and a number whose digits do not fit. */
function refuseLossy(line: string): void {
  const keys: (Set<string> | undefined)[] = [];
  let before = "";
  let last = "";
  for (const [text] of line.matchAll(token)) {
    if (text === "{") keys.push(new Set());
    else if (text === "[") keys.push(undefined);
    else if (text === "}" || text === "]") keys.pop();
    else if (text === ":" && (before === "{" || before === ",")) {
      const name = JSON.parse(last) as string;
      const seen = keys.at(-1);
      if (seen?.has(name) === true) throw new MisfitRow(`${JSON.stringify(name)}: the key stands there twice`);
      seen?.add(name);
    } else if (/^[-0-9]/.test(text) && significant(text) !== significant(String(Number(text)))) {
      throw new MisfitRow(`${text.slice(0, 40)}: a JSON number loses its digits; give it as text`);
    }
    before = last;
    last = text;
  }
}

/** The digits of a number without zeros around them, and its size: the same for 1.50, 15e-1 and 1.5. */
function significant(number: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(number) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const short = digits.replace(/0+$/, "");
  if (short === "") return "0";
  return `${sign}${short}e${Number(exponent) - fraction.length + digits.length - short.length}`;
}
