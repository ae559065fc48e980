import { printable } from "./problems";

/**
 * Takes the values of secrets out of texts: as they are, and as they look inside a URL, inside JSON, on one line and
 * escaped for a message. Of a value that was cut off at a `…` the beginning goes too. Values of fewer than four
 * characters stay, for they would be found everywhere.
 */
export function redactor(secrets: Readonly<Record<string, string>>): (text: string) => string {
  const values = Object.values(secrets)
    .filter((value) => value.length >= shortest)
    .flatMap((value) => [value, value.replace(/\s+/g, " ")])
    .flatMap((value) => [value, inUrl(value), inJson(value), printable(inJson(value))]);
  const longestFirst = [...new Set(values)].sort((a, b) => b.length - a.length);
  if (longestFirst.length === 0) return (text) => text;
  // All at once, for a secret could be a piece of the mark that stands for another.
  const any = new RegExp(longestFirst.map(literally).join("|"), "g");
  return (text) => {
    const whole = text.replace(any, mark);
    const pieces = whole.split("…");
    const last = pieces.pop() ?? "";
    return [...pieces.map((piece) => withoutBeginning(piece, longestFirst)), last].join("…");
  };
}

const shortest = 4;
const mark = "[secret]";

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Half a surrogate pair has no place in a URL. */
const inUrl = (value: string): string => encodeURIComponent(value.replace(/\p{Surrogate}/gu, "\ufffd"));
const inJson = (value: string): string => JSON.stringify(value).slice(1, -1);

/** A text without the beginning of a secret at its end. */
function withoutBeginning(text: string, values: readonly string[]): string {
  for (const value of values) {
    for (let length = Math.min(value.length, text.length); length >= shortest; length -= 1) {
      if (text.endsWith(value.slice(0, length))) return `${text.slice(0, -length)}${mark}`;
    }
  }
  return text;
}
