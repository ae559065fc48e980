import { oneForm } from "../release/exact-json";

/** What a scalar of a YAML file is to the engine; a timestamp is a text that no reader would expect. */
export type Resolved =
  { readonly kind: "value"; readonly value: string | number | boolean | null } | { readonly kind: "timestamp" };

const words: ReadonlyMap<string, boolean | null> = new Map([
  ...["true", "True", "TRUE"].map((text) => [text, true] as const),
  ...["false", "False", "FALSE"].map((text) => [text, false] as const),
  ...["", "~", "null", "Null", "NULL"].map((text) => [text, null] as const),
]);

/**
 * An unquoted scalar as the engine's YAML reader (gopkg.in/yaml.v3, `resolve.go`) takes it: mostly YAML 1.2, with the
 * numbers and dates of YAML 1.1.
 */
export function resolveAsEngine(text: string): Resolved {
  const word = words.get(text);
  if (word !== undefined) return { kind: "value", value: word };
  if (!/^[-+.0-9]/.test(text)) return { kind: "value", value: text };
  const special = specialNumber(text);
  if (special !== undefined) return { kind: "value", value: special };
  if (text.startsWith(".")) return { kind: "value", value: decimal(text) ?? text };
  if (isTimestamp(text)) return { kind: "timestamp" };
  const plain = text.replaceAll("_", "");
  return { kind: "value", value: integer(plain) ?? decimal(plain) ?? text };
}

/**
 * The same scalar by the core schema of YAML 1.2, which people and most other programs read: where it differs, no reader
 * can be sure what was meant.
 */
export function resolveAsCore(text: string): string | number | boolean | null {
  const word = words.get(text);
  if (word !== undefined) return word;
  if (/^(?:0o[0-7]+|0x[0-9a-fA-F]+)$/.test(text)) return Number(text);
  return specialNumber(text) ?? (decimalForm.test(text) ? Number(text) : text);
}

/** Whether a number has digits that a double does not keep; hexadecimal and octal ones are whole. */
export function isRounded(source: string): boolean {
  const value = Number(source);
  if (/^0[ox]/i.test(source)) return !Number.isSafeInteger(value);
  return oneForm(source) !== oneForm(String(value));
}

const decimalForm = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;

function specialNumber(text: string): number | undefined {
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return NaN;
  if (!/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) return undefined;
  return text.startsWith("-") ? -Infinity : Infinity;
}

/** Past the largest double the engine takes a number for a text. */
function decimal(text: string): number | undefined {
  const value = decimalForm.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : undefined;
}

/** Whole numbers of 64 bits in the four bases of Go, a leading zero being octal. */
function integer(text: string): number | undefined {
  const [, sign = "", digits = ""] = /^([-+]?)(.*)$/.exec(text) ?? [];
  // The reader's second look at binaries and octals lets a sign stand behind the base as well.
  const [, base = "", inner = "", rest = ""] = /^(0[box])([-+]?)([0-7]+)$/.exec(digits) ?? [];
  if (inner !== "") {
    return base === "0x" || sign !== "" ? undefined : bounded(inner, `${base}${rest}`);
  }
  if (/^(?:[1-9][0-9]*|0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+)$/.test(digits)) return bounded(sign, digits);
  return /^0[0-7]*$/.test(digits) ? bounded(sign, `0o${digits}`) : undefined;
}

function bounded(sign: string, digits: string): number | undefined {
  let magnitude: bigint;
  try {
    magnitude = BigInt(digits.toLowerCase());
  } catch {
    return undefined;
  }
  // Without a sign it may fill all 64 bits.
  const largest = sign === "" ? 1n << 64n : sign === "-" ? (1n << 63n) + 1n : 1n << 63n;
  if (magnitude >= largest) return undefined;
  return Number(sign === "-" ? -magnitude : magnitude);
}

const timestampForm =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?(?:Z|[-+](\d\d):(\d\d)))|(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?))?$/;

/** An impossible date, such as the 30th of February, is a text to both. */
function isTimestamp(text: string): boolean {
  const [, year = "", month = "", day = "", ...rest] = timestampForm.exec(text) ?? [];
  if (year === "") return false;
  const [hour, minute, second, zoneHour, zoneMinute, hour2, minute2, second2] = rest.map((part) => Number(part || 0));
  const within = (value: number | undefined, largest: number): boolean => (value ?? 0) <= largest;
  const days = new Date(Date.UTC(2000 + (Number(year) % 400), Number(month), 0)).getUTCDate();
  return (
    Number(month) >= 1 &&
    Number(month) <= 12 &&
    Number(day) >= 1 &&
    Number(day) <= days &&
    [hour, hour2].every((value) => within(value, 23)) &&
    [minute, minute2, second, second2].every((value) => within(value, 59)) &&
    within(zoneHour, 24) &&
    within(zoneMinute, 60)
  );
}
