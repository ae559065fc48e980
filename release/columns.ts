import { z } from "zod";

const scalars = [
  "text",
  "jsonb",
  "json",
  "smallint",
  "integer",
  "bigint",
  "numeric",
  "real",
  "double precision",
  "boolean",
  "date",
  "time",
  "timestamp",
  "timestamptz",
  "uuid",
  "bytea",
  "inet",
] as const;
type Scalar = (typeof scalars)[number];
const lists = ["text[]", "integer[]", "bigint[]", "uuid[]"] as const;

/** The SQL types that a pinned column may have. */
export const ColumnType = z.enum([...scalars, ...lists]);
export type ColumnType = z.infer<typeof ColumnType>;

/** The types whose text is the same for equal values everywhere, so that it can stand for the key of a row. */
export const keyTypes: readonly ColumnType[] = ["text", "smallint", "integer", "bigint", "uuid", "date"];

/**
 * What PostgreSQL is given for a JSON value in a column of that type. Only what it reads back without loss has a text:
 * whole numbers past 2^53 and long decimals must come as texts, for JSON numbers lose their digits.
 *
 * @param plain whether the value comes from JSON without a backslash: no text in it holds what must be looked for
 * @returns the text, null for SQL NULL, undefined when the value does not fit the type
 */
export function columnText(type: ColumnType, value: unknown, plain = false): string | null | undefined {
  if (value === null) return null;
  if (plain && type === "text") return typeof value === "string" ? value : undefined;
  return isList(type) ? listText(type.slice(0, -2) as Scalar, value) : scalarText(type, value);
}

/** Whether a JSON value can stand in a column of that type. NULL can, everywhere. */
export function columnFits(type: ColumnType, value: unknown): boolean {
  return value !== undefined && columnText(type, value) !== undefined;
}

const isList = (type: ColumnType): type is (typeof lists)[number] => type.endsWith("[]");

const integer = /^(?:0|-?[1-9][0-9]{0,18})$/;
const decimal = /^-?[0-9]{1,1000}(?:\.[0-9]{1,1000})?(?:[eE][+-]?[0-9]{1,3})?$/;
const time = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\\.[0-9]{1,6})?)?";
const date = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])";
const zone = "(?:Z|[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?)";
const patterns: Partial<Record<Scalar, RegExp>> = {
  date: new RegExp(`^${date}$`),
  time: new RegExp(`^${time}$`),
  timestamp: new RegExp(`^${date}[T ]${time}$`),
  // Without its zone a time would mean another moment in another session.
  timestamptz: new RegExp(`^${date}[T ]${time}${zone}$`),
  uuid: /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/,
  bytea: /^\\x(?:[0-9a-fA-F]{2})*$/,
  inet: /^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-fA-F:.]{2,45})(?:\/[0-9]{1,3})?$/,
};
const ranges: Partial<Record<Scalar, bigint>> = { smallint: 1n << 15n, integer: 1n << 31n, bigint: 1n << 63n };

function scalarText(type: Scalar, value: unknown): string | undefined {
  switch (type) {
    case "text":
      return typeof value === "string" && isStorable(value) ? value : undefined;
    case "json":
    case "jsonb":
      return jsonText(value);
    case "boolean":
      return typeof value === "boolean" ? String(value) : undefined;
    case "smallint":
    case "integer":
    case "bigint":
      return integerText(value, ranges[type] ?? 0n);
    case "numeric":
    case "real":
    case "double precision":
      return decimalText(value);
    case "date":
    case "time":
    case "timestamp":
    case "timestamptz":
      return typeof value === "string" && patterns[type]?.test(value) === true && isCalendarDay(type, value)
        ? value
        : undefined;
    case "uuid":
      return typeof value === "string" && patterns.uuid?.test(value) === true ? value.toLowerCase() : undefined;
    case "bytea":
    case "inet":
      return typeof value === "string" && patterns[type]?.test(value) === true ? value : undefined;
  }
}

/** A JavaScript date moves the 30th of February to March; PostgreSQL refuses it, and so do we, before anything moves. */
function isCalendarDay(type: Scalar, value: string): boolean {
  if (type === "time") return true;
  const day = value.slice(0, 10);
  const parsed = new Date(`${day}T00:00:00Z`);
  // PostgreSQL has no year zero.
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(day) && !day.startsWith("0000");
}

function integerText(value: unknown, limit: bigint): string | undefined {
  if (typeof value !== "number" && typeof value !== "string") return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && Math.abs(value) <= 32_767) return String(value);
  const text = typeof value === "string" ? value : Number.isSafeInteger(value) ? String(value) : "";
  if (!integer.test(text)) return undefined;
  const number = BigInt(text);
  return number >= -limit && number < limit ? text : undefined;
}

/** A double holds fifteen significant digits of any decimal; a longer one has to be a text to keep the rest. */
function decimalText(value: unknown): string | undefined {
  if (typeof value === "string") return decimal.test(value) ? value : undefined;
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  const text = String(value);
  const digits = text.replace(/e.*$/, "").replace(/[-.]/g, "").replace(/^0+/, "");
  return digits.length <= 15 || Number.isSafeInteger(value) ? text : undefined;
}

const odd = /[\0\ud800-\udfff]/;

/** PostgreSQL's texts hold neither NUL nor half a surrogate pair. */
function isStorable(text: string): boolean {
  return !odd.test(text) || !/\0|\p{Surrogate}/u.test(text);
}

function jsonText(value: unknown): string | undefined {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) return undefined;
  if (text.includes("\\u") && /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i.test(text)) return undefined;
  return text.length > 3 && /[0-9]{16}|e\+/.test(text) && !isExact(value) ? undefined : text;
}

/** Whether every number in a JSON value kept its digits when it was parsed. */
function isExact(value: unknown): boolean {
  if (typeof value === "number") return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (typeof value === "object" && value !== null) return Object.values(value).every(isExact);
  return true;
}

function listText(element: Scalar, value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map((item) => (item === null ? "NULL" : scalarText(element, item)));
  if (items.includes(undefined)) return undefined;
  const quoted = items.map((item, index) =>
    value[index] === null ? "NULL" : `"${(item ?? "").replace(/["\\]/g, "\\$&")}"`,
  );
  return `{${quoted.join(",")}}`;
}
