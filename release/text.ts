/**
 * What would move a terminal's cursor, turn a line round, hide it or begin another one of a workflow's: names, answers and
 * logs are somebody else's. Tabs, ends of lines and the colours that the command line uses stay.
 */
const unprintable =
  /\u001b(?!\[(?:0|1|22|3[1-5]|39)m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** A text of others, fit for a terminal and a log. */
export const cleaned = (text: string): string => text.replace(unprintable, "\ufffd");

/** JSON for a terminal: the same value, with what would not be shown as what it is escaped. */
export const cleanedJson = (json: string): string =>
  json.replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/**
 * The beginning of a text, at most `most` characters. Where some are missing there is a `…`, before which secrets are
 * looked for, too.
 */
export const shortened = (text: string, most = 300): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

/** How a file begins that Git LFS has not fetched. */
export const lfsPointer = "version https://git-lfs.github.com/spec/";

/** What is said of such a file. */
export const notFetched = (name: string): string =>
  `${name} is a pointer of Git LFS, not the file itself; fetch it with: git lfs pull`;

/** At most two hundred characters of a text, on one line. */
export const oneLine = (text: string): string => shortened(text.replace(/\s+/g, " ").trim(), 200);

/** How many there are of a thing, whose name is given in the singular: `1 row`, `2 entries`. */
export const counted = (count: number | bigint, thing: string): string =>
  `${count} ${Number(count) === 1 ? thing : `${thing.replace(/([^aeiou])y$/, "$1ie")}s`}`;
