import { isLosslessNumber, isSafeNumber, LosslessNumber, parse, stringify } from "lossless-json";

/** A number of JSON that JavaScript would write otherwise; it keeps the digits that it was written with. */
export { isLosslessNumber as isExactNumber };

/** An object of JSON has a key twice, with different values. */
export class RepeatedKey extends SyntaxError {
  override readonly name = "RepeatedKey";
}

/** A number outside a text that a double may not hold, or that is written in another form than JavaScript's. */
const risky = /[:,[]\s*(?:-?(?:[0-9.]{16}|[0-9][0-9.]*[eE]|[0-9]+\.[0-9]*0(?=\s*[,\]}])|0\.0{6})|-0(?=[.eE\s,\]}]))/;
/** Where the text is nothing but a number, there is no need to be quick. */
const bare = /^\s*-?[0-9]/;
const isRisky = (text: string): boolean => risky.test(text) || bare.test(text);

/**
 * JSON as JavaScript values; a number that JavaScript would write otherwise (`9007199254740993`, `1e400`, `1.0`, `-0`) is
 * an exact number instead.
 * @throws SyntaxError, RepeatedKey
 */
export function parseExactly(text: string): unknown {
  return bounded(() => (isRisky(text) ? parseTokens(text) : (JSON.parse(text) as unknown)));
}

/**
 * The same, for a text that a person may have written: a key that an object has twice is refused.
 * @throws SyntaxError, RepeatedKey
 */
export function parseStrictly(text: string): unknown {
  return bounded(() => {
    const value: unknown = JSON.parse(text);
    // What is written again as it was read lost nothing; only the others are read token by token.
    return JSON.stringify(value) === text && !isRisky(text) ? value : parseTokens(text);
  });
}

/** What walks into JSON that is nested without end comes to the end of the stack. */
function bounded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof RangeError ? new SyntaxError("nested too deeply") : error;
  }
}

function parseTokens(text: string): unknown {
  return parse(text, undefined, {
    parseNumber: (digits) => (String(Number(digits)) === digits ? Number(digits) : new LosslessNumber(digits)),
    onDuplicateKey: ({ key }) => {
      throw new RepeatedKey(`${JSON.stringify(key)}: the key stands there twice`);
    },
  });
}

/** JSON with every digit; undefined for what JSON does not have. */
export function stringifyExactly(value: unknown, space?: number): string | undefined {
  return stringify(value, undefined, space);
}

/** Whether a number, as it is written, has no digit and no size that a double does not keep. */
export function fitsDouble(digits: string): boolean {
  return isSafeNumber(digits);
}

/** A value in which exact numbers are numbers of JavaScript where these have the same value: 1.0 is 1. */
export function withDoubles(value: unknown): unknown {
  return mapNumbers(value, (number) => (fitsDouble(number.value) ? Number(number.value) + 0 : number));
}

/** A value in which exact numbers have one form for one value: 1.0 is 1, and 10e399 is 1e400. */
export function withOneForm(value: unknown): unknown {
  return mapNumbers(value, (number) =>
    fitsDouble(number.value) ? Number(number.value) + 0 : new LosslessNumber(oneForm(number.value)),
  );
}

/** One text for one number: its digits without zeros at either end, and an exponent. */
export function oneForm(digits: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^\s*([-+]?)([0-9]*)\.?([0-9]*)(?:[eE]([-+]?[0-9]+))?\s*$/.exec(digits) ?? [];
  const all = `${whole}${fraction}`.replace(/^0+/, "");
  const short = all.replace(/0+$/, "");
  if (short === "") return "0";
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(all.length - short.length);
  return `${sign === "-" ? "-" : ""}${short}e${power}`;
}

function mapNumbers(value: unknown, map: (number: LosslessNumber) => unknown): unknown {
  if (isLosslessNumber(value)) return map(value);
  if (Array.isArray(value)) return value.map((item) => mapNumbers(item, map));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapNumbers(item, map)]));
}
