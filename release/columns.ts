import { z } from "zod";
import { fitsDouble, isExactNumber, stringifyExactly, withDoubles } from "./exact-json";
import { quote } from "./primitives";

const word = '(?:[A-Za-z_\\u0080-\\uffff][A-Za-z0-9_$\\u0080-\\uffff]*|"(?:[^"\\0]|"")+")';
const modifier = `\\(\\s*(?:-?[0-9]+|${word})(?:\\s*,\\s*(?:-?[0-9]+|${word}))*\\s*\\)`;
const fields = "(?:year|month|day|hour|minute|second)";
/** The names of types that are several words. Any other type is one name, so no text of a type can be anything else. */
const phrases = [
  "double precision",
  `(?:national )?char(?:acter)?(?: varying)?(?: ?${modifier})?`,
  `bit varying(?: ?${modifier})?`,
  `time(?:stamp)?(?: ?${modifier})? with(?:out)? time zone`,
  `interval(?: ${fields}(?: to ${fields})?)?(?: ?${modifier})?`,
];
const typePattern = new RegExp(
  `^(?:${phrases.join("|")}|${word}(?:\\.${word})?(?: ?${modifier})?)(?: ?\\[[0-9]*\\])*$`,
  "i",
);

/**
 * The type of a pinned column, by any name that PostgreSQL has for it: `numeric(10,2)`, `timestamp with time zone`,
 * `app.mood`, `"Role"`, `date[]`. Whether there is such a type is for the server to say.
 */
export const ColumnType = z
  .string({ error: "expected the name of a PostgreSQL type" })
  .max(200, { error: "expected the name of a PostgreSQL type, at most 200 characters" })
  .regex(typePattern, {
    error: ({ input }) =>
      `expected the name of a PostgreSQL type such as text, numeric(10,2), app.mood or date[], got ${quote(input)}`,
  });
export type ColumnType = z.infer<typeof ColumnType>;

const aliases: Readonly<Record<string, string>> = {
  int: "integer",
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  bool: "boolean",
  float: "double precision",
  float4: "real",
  float8: "double precision",
  decimal: "numeric",
  "character varying": "varchar",
  character: "bpchar",
  char: "bpchar",
  "timestamp with time zone": "timestamptz",
  "timestamp without time zone": "timestamp",
  "time without time zone": "time",
  "time with time zone": "timetz",
};

/** One name for a type that has several, without what stands in parentheses: `INT4` and `integer` are `integer`. */
export function typeName(type: string): string {
  const element = elementType(type);
  if (element !== undefined) return `${typeName(element)}[]`;
  if (type.includes('"')) return type;
  const name = type
    .toLowerCase()
    .replace(/\s*\([^)]*\)/, "")
    .replace(/^pg_catalog\./, "");
  return aliases[name] ?? (name.startsWith("interval ") ? "interval" : name);
}

/** The type of an array's elements, whatever its dimensions are; undefined for a type that is no array. */
export function elementType(type: string): string | undefined {
  return type.endsWith("]") ? type.replace(/(?:\s*\[[0-9]*\])+$/, "") : undefined;
}

const plainKeys = new Set(["text", "varchar", "smallint", "integer", "bigint", "uuid", "boolean"]);

/** Whether equal values of a type have one text, so that it can stand for the key of a row wherever it is compared. */
export function hasOneText(type: ColumnType): boolean {
  return plainKeys.has(typeName(type));
}

/**
 * What PostgreSQL is given for a JSON value in a column of that type: a text as it is, a list as an array, an object as
 * JSON. What is refused here would lose something on the way, or would mean something else on another day; whether
 * PostgreSQL reads the text is for the server to say.
 *
 * @param plain whether the value comes from JSON that escapes nothing but backslashes: no text in it holds what must be looked for
 * @returns the text, null for SQL NULL, undefined when the value does not fit the type
 */
export function columnText(type: ColumnType, value: unknown, plain = false): string | null | undefined {
  if (value === null) return null;
  if (plain && type === "text") return typeof value === "string" ? value : undefined;
  const { name, element } = namesOf(type);
  if (element !== undefined && Array.isArray(value)) return arrayText(element, value);
  return scalarText(name, value);
}

const named = new Map<string, { readonly name: string; readonly element: string | undefined }>();

/** The one name of a type, and of an array's elements; each is worked out once, for there are more rows than types. */
function namesOf(type: ColumnType): { readonly name: string; readonly element: string | undefined } {
  const known = named.get(type);
  if (known !== undefined) return known;
  const element = elementType(type);
  const names = element === undefined ? { name: typeName(type), element } : { name: "", element: typeName(element) };
  if (named.size < 1_000) named.set(type, names);
  return names;
}

/** Whether a JSON value can stand in a column of that type. NULL can, everywhere. */
export function columnFits(type: ColumnType, value: unknown): boolean {
  return value !== undefined && columnText(type, value) !== undefined;
}

/**
 * A value without exact numbers, as a stack file can hold it: they become texts where the column reads texts, and numbers of
 * JavaScript where these are the same to it. Undefined where the value would be another.
 */
export function inPlainJson(type: ColumnType, value: unknown): unknown {
  const plain = isDecimal(type) ? value : withDoubles(value);
  if (stringifyExactly(plain) === JSON.stringify(plain)) return plain;
  return ["json", "jsonb"].includes(typeName(elementType(type) ?? type)) ? undefined : withTexts(plain);
}

/** Whether a column keeps the zeros that a number ends in. */
const isDecimal = (type: ColumnType): boolean => typeName(elementType(type) ?? type) === "numeric";

function withTexts(value: unknown): unknown {
  if (isExactNumber(value)) return value.value;
  return Array.isArray(value) ? value.map(withTexts) : value;
}

const ranges: Readonly<Record<string, bigint>> = { smallint: 1n << 15n, integer: 1n << 31n, bigint: 1n << 63n };
const number =
  /^\s*[+-]?(?:nan|inf(?:inity)?|0[xob][0-9a-f_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:e[+-]?[0-9]+)?)\s*$/i;
const truth = /^\s*(?:t|tr|tru|true|f|fa|fal|fals|false|y|ye|yes|n|no|on|of|off|1|0)\s*$/i;
const day = /^\s*([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9])/;
/** These mean another moment whenever they are read. */
const moving = /\b(?:now|today|tomorrow|yesterday)\b/i;
const clock = "[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\\.[0-9]+)?)?";
const era = "(?:\\s*(?:AD|BC))?";
/** Without its zone a time would mean another moment in another session. */
const withoutZone = new RegExp(`^\\s*[0-9]{4,6}-[0-9]{1,2}-[0-9]{1,2}(?:[T ]\\s*${clock})?${era}\\s*$`, "i");
/** With a zone, PostgreSQL would drop the zone without a word. */
const withZone = new RegExp(`${clock}\\s*(?:Z|[+-][0-9]{1,2}(?::?[0-9]{2})*)${era}\\s*$`, "i");

function scalarText(type: string, value: unknown): string | undefined {
  switch (type) {
    case "json":
    case "jsonb":
      return jsonText(value);
    case "smallint":
    case "integer":
    case "bigint":
      return integerText(value, ranges[type] ?? 0n);
    case "numeric":
    case "real":
    case "double precision":
      return typeof value === "string" ? matching(value, number) : decimalText(value, type === "numeric");
    case "boolean":
      return typeof value === "boolean" ? String(value) : matching(value, truth);
    case "date":
    case "time":
    case "timetz":
    case "timestamp":
    case "timestamptz":
      return typeof value === "string" ? momentText(type, value) : undefined;
    case "uuid":
      return typeof value === "string" ? uuidText(value) : undefined;
    case "bytea":
      // Without a backslash these digits would be text, which the writer hardly meant.
      return typeof value === "string" && !/^[0-9a-f]{2,}$/i.test(value) ? storable(value) : undefined;
    case "text":
    case "varchar":
    case "bpchar":
      return typeof value === "string" ? storable(value) : undefined;
    default:
      return otherText(value);
  }
}

/** A type that only the server knows: texts as they are, anything else as JSON, which some types read. */
function otherText(value: unknown): string | undefined {
  if (typeof value === "string") return moving.test(value) && value.trim().length < 12 ? undefined : storable(value);
  return typeof value === "number" ? decimalText(value, true) : jsonText(value);
}

const matching = (value: unknown, pattern: RegExp): string | undefined =>
  typeof value === "string" && pattern.test(value) ? value : undefined;

/** A time with its zone, as JavaScript and the server write it: there is nothing more to look for in it. */
const usual =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)$/;

function momentText(type: string, value: string): string | undefined {
  if (type === "timestamptz" && usual.test(value)) {
    const [year, month, date] = [value.slice(0, 4), value.slice(5, 7), value.slice(8, 10)];
    return isDay(Number(year), Number(month), Number(date)) ? value : undefined;
  }
  if (moving.test(value)) return undefined;
  if (type === "timestamptz" && withoutZone.test(value)) return undefined;
  if (type === "timestamp" && withZone.test(value)) return undefined;
  return isCalendarDay(value) ? storable(value) : undefined;
}

/** PostgreSQL refuses the 30th of February, and so do we, before anything moves. */
function isCalendarDay(value: string): boolean {
  const [, year = "", month = "", date = ""] = day.exec(value) ?? [];
  // The years before Christ have their leap days elsewhere.
  return year === "" || isDay(Number(year), Number(month), Number(date), /BC\s*$/i.test(value));
}

const longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDay(year: number, month: number, date: number, isBeforeChrist = false): boolean {
  if (year === 0) return false;
  if (isBeforeChrist) return true;
  if (date < 1 || date > (longest[month - 1] ?? 0)) return false;
  return month !== 2 || date < 29 || (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0));
}

function integerText(value: unknown, limit: bigint): string | undefined {
  if (typeof value === "number" && Number.isSafeInteger(value)) {
    // Powers of two are whole as doubles, too, and compared much faster.
    const bound = Number(limit);
    return value >= -bound && value < bound ? String(value) : undefined;
  }
  const text = typeof value === "string" ? value.trim() : exactText(value);
  if (text === undefined || !/^[+-]?[0-9]{1,40}$/.test(text)) return undefined;
  const whole = BigInt(text.replace(/^\+/, ""));
  return whole >= -limit && whole < limit ? String(whole) : undefined;
}

/** The digits of a whole number; `1.0` and `1e2` are ones. */
function exactText(value: unknown): string | undefined {
  const plain = isExactNumber(value) && fitsDouble(value.value) ? Number(value.value) : value;
  return isExactNumber(plain) ? plain.value : Number.isSafeInteger(plain) ? String(plain) : undefined;
}

/** A double holds fifteen significant digits of any decimal; a longer one has to be a text to keep the rest. */
function decimalText(value: unknown, isDecimal: boolean): string | undefined {
  if (isExactNumber(value)) return value.value;
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  const text = String(value);
  const digits = text.replace(/e.*$/, "").replace(/[-.]/g, "").replace(/^0+/, "");
  return !isDecimal || digits.length <= 15 || Number.isSafeInteger(value) ? text : undefined;
}

const usualUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function uuidText(value: string): string | undefined {
  if (usualUuid.test(value)) return value;
  const hex = value
    .trim()
    .replace(/^\{(.*)\}$/, "$1")
    .replace(/-/g, "")
    .toLowerCase();
  return /^[0-9a-f]{32}$/.test(hex) ? hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") : undefined;
}

const odd = /[\0\ud800-\udfff]/;

/** PostgreSQL's texts hold neither NUL nor half a surrogate pair. */
function storable(text: string): string | undefined {
  return !odd.test(text) || !/\0|\p{Surrogate}/u.test(text) ? text : undefined;
}

function jsonText(value: unknown): string | undefined {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) return undefined;
  if (text.includes("\\u") && /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i.test(text)) return undefined;
  if (text.length <= 3 || !/[0-9]{16}|e\+|isLosslessNumber/.test(text)) return text;
  return isExact(value) ? stringifyExactly(value) : undefined;
}

/** Whether every number in a JSON value kept its digits when it was parsed. */
function isExact(value: unknown): boolean {
  if (typeof value === "number") return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null || isExactNumber(value)) return true;
  return Object.values(value).every(isExact);
}

const quotable = /["\\]/;

function quoted(element: string, item: unknown): string | undefined {
  const text = scalarText(element, item);
  if (text === undefined) return undefined;
  return `"${quotable.test(text) ? text.replace(/["\\]/g, "\\$&") : text}"`;
}

/** A list as PostgreSQL writes an array; a list within it is the next dimension, but for JSON, whose lists are values. */
function arrayText(element: string, values: readonly unknown[]): string | undefined {
  const isJson = element === "json" || element === "jsonb";
  let items = "";
  for (const item of values) {
    const text =
      item === null ? "NULL" : Array.isArray(item) && !isJson ? arrayText(element, item) : quoted(element, item);
    if (text === undefined) return undefined;
    items += items === "" ? text : `,${text}`;
  }
  return `{${items}}`;
}
