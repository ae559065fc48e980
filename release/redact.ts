import { printable } from "./problems";

/**
 * Takes the values of secrets out of texts, in either case: as they are, and as they look inside a URL, a form, JSON, HTML
 * and base64 (also behind a name, as `Basic` has it), on one line and escaped for a message; of a URL its password alone,
 * too. Of a value that was cut at a `…` its beginning before it and its end behind it go as well. Values of fewer than
 * four characters stay, for they would be found everywhere.
 */
export function redactor(secrets: Readonly<Record<string, string>>): (text: string) => string {
  const values = Object.values(secrets)
    .flatMap((value) => [value, ...passwordIn(value)])
    .filter((value) => value.length >= shortest)
    .flatMap((value) => [value, value.replace(/\s+/g, " ")])
    .flatMap(formsOf);
  const longestFirst = [...new Set(values)].sort((a, b) => b.length - a.length);
  if (longestFirst.length === 0) return (text) => text;
  // All at once, for a secret could be a piece of the mark that stands for another.
  const any = new RegExp(longestFirst.map(literally).join("|"), "gi");
  return (text) => {
    const whole = text.replace(any, mark);
    const pieces = whole.split("…");
    return pieces
      .map((piece, at) => (at === 0 ? piece : withoutEnd(piece, longestFirst)))
      .map((piece, at) => (at === pieces.length - 1 ? piece : withoutBeginning(piece, longestFirst)))
      .join("…");
  };
}

const shortest = 4;
const mark = "[secret]";

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Half a surrogate pair has no place in a URL. */
const inUrl = (value: string): string => encodeURIComponent(value.replace(/\p{Surrogate}/gu, "\ufffd"));
const inJson = (value: string): string => JSON.stringify(value).slice(1, -1);

const inForm = (value: string): string => inUrl(value).replaceAll("%20", "+");
const inHtml = (value: string): string =>
  value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** The password of a URL, as the URL has it and decoded. */
function passwordIn(value: string): string[] {
  const { password = "" } = URL.canParse(value) ? new URL(value) : {};
  if (password === "") return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

/**
 * What every base64 of the value has, whatever stands before and behind it: three, for its first byte may be the first,
 * second or third of a group. The characters at both ends, which depend on others, are left out.
 */
function inBase64(value: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(value, "utf8")]);
    const text = bytes.toString("base64").replace(/=+$/, "");
    const inner = text.slice(before === 0 ? 0 : before + 1, bytes.length % 3 === 0 ? text.length : -1);
    return inner.length < 8 ? [] : [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** A value in every form in which the product itself may write it. */
function formsOf(value: string): string[] {
  const html = inHtml(value);
  const plain = [value, inUrl(value), inForm(value), inJson(value), printable(inJson(value))];
  return [...plain, html, html.replaceAll("'", "&#39;"), html.replaceAll("'", "&#x27;"), ...inBase64(value)];
}

/** A text without the beginning of a secret at its end. */
function withoutBeginning(text: string, values: readonly string[]): string {
  const lower = text.toLowerCase();
  for (const value of values) {
    for (let length = Math.min(value.length, text.length); length >= shortest; length -= 1) {
      if (lower.endsWith(value.slice(0, length).toLowerCase())) return `${text.slice(0, -length)}${mark}`;
    }
  }
  return text;
}

/** A text without the end of a secret at its beginning. */
function withoutEnd(text: string, values: readonly string[]): string {
  const lower = text.toLowerCase();
  for (const value of values) {
    for (let length = Math.min(value.length, text.length); length >= shortest; length -= 1) {
      if (lower.startsWith(value.slice(-length).toLowerCase())) return `${mark}${text.slice(length)}`;
    }
  }
  return text;
}
