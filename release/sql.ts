/** One statement of a text, without its semicolon. */
export interface Statement {
  /** Where it begins and ends in the text. */
  readonly start: number;
  readonly end: number;
  /** Words in lower case, everything else as written, in order; comments are none. */
  readonly tokens: readonly string[];
}

/** What a reader must know of SQL text before it is sent. */
export interface Scan {
  readonly statements: readonly Statement[];
  /** The comments that run to the end of their line. */
  readonly comments: readonly { readonly start: number; readonly end: number }[];
  /** The commands for psql, which PostgreSQL does not read: from the backslash to the end of the line. */
  readonly psql: readonly { readonly start: number; readonly end: number }[];
  /** What is opened and never closed, and where; the rest of the text belongs to it. */
  readonly open?: { readonly what: "string" | "quoted name" | "dollar quote" | "comment"; readonly start: number };
}

const blank = /[ \t\n\r\f\v]+/y;
const lineComment = /--[^\n\r]*/y;
const psqlCommand = /\\[^\n]*/y;
const word = /[A-Za-z0-9_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const parameter = /\$\d+/y;
const dollar = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
/** Between two pieces of one string: a line end, with blanks and comments around it. */
const continuation = /(?:[ \t\f\v]|--[^\n\r]*(?=[\n\r]))*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*(?=[\n\r]))*'/y;

/**
 * Splits SQL into statements by PostgreSQL's own lexical rules: quotes and their escapes, dollar quotes, nested comments,
 * parentheses, and the bodies of routines between `begin atomic` and `end`, in which a semicolon ends nothing.
 */
export function scanSql(text: string): Scan {
  const statements: Statement[] = [];
  const comments: { start: number; end: number }[] = [];
  const psql: { start: number; end: number }[] = [];
  let open: Scan["open"];
  let tokens: string[] = [];
  let [start, end, at, parentheses, atomic] = [0, 0, 0, 0, 0];
  const match = (pattern: RegExp): number => {
    pattern.lastIndex = at;
    return pattern.test(text) ? pattern.lastIndex : -1;
  };
  const finish = (): void => {
    if (tokens.length > 0) statements.push({ start, end, tokens });
    tokens = [];
    parentheses = atomic = 0;
  };
  /** Moves behind a token, or to the end of the text when it is never closed. */
  const take = (to: number, what?: NonNullable<Scan["open"]>["what"]): void => {
    const from = at;
    if (to < 0 && what !== undefined) open = { what, start: from };
    at = to < 0 ? text.length : to;
    if (tokens.length === 0) start = from;
    tokens.push(text.slice(from, at));
    end = at;
  };
  while (at < text.length) {
    const char = text.charAt(at);
    let to: number;
    if ((to = match(blank)) >= 0) at = to;
    else if ((to = match(lineComment)) >= 0) {
      comments.push({ start: at, end: to });
      at = to;
    } else if (text.startsWith("/*", at)) {
      to = endOfComment(text, at);
      if (to < 0) open = { what: "comment", start: at };
      at = to < 0 ? text.length : to;
    } else if ((to = match(psqlCommand)) >= 0) {
      psql.push({ start: at, end: to });
      at = to;
    } else if (char === "'") take(endOfQuoted(text, at + 1, "'"), "string");
    else if (char === '"') take(endOfQuoted(text, at + 1, '"'), "quoted name");
    else if (/[eE]/.test(char) && text.charAt(at + 1) === "'") take(endOfEscaped(text, at + 2), "string");
    else if ((to = match(dollar)) >= 0) {
      const close = text.indexOf(text.slice(at, to), to);
      take(close < 0 ? -1 : close + to - at, "dollar quote");
    } else if ((to = match(parameter)) >= 0) take(to);
    else if ((to = match(word)) >= 0) {
      const name = text.slice(at, to).toLowerCase();
      const before = tokens.at(-1);
      const label = before === "." || before === "as";
      if (name === "atomic" && before === "begin" && parentheses === 0 && makesRoutine(tokens)) atomic = 1;
      else if (atomic > 0 && !label && name === "case") atomic++;
      else if (atomic > 0 && !label && name === "end") atomic--;
      take(to);
      tokens[tokens.length - 1] = name;
    } else if (char === ";" && parentheses === 0 && atomic === 0) {
      finish();
      at++;
    } else {
      if (char === "(") parentheses++;
      if (char === ")") parentheses = Math.max(0, parentheses - 1);
      take(at + 1);
    }
  }
  finish();
  return { statements, comments, psql, ...(open === undefined ? {} : { open }) };
}

const makesRoutine = ([first, second, third, fourth]: readonly string[]): boolean =>
  first === "create" &&
  /^(?:function|procedure)$/.test((second === "or" && third === "replace" ? fourth : second) ?? "");

/** Behind the quote that closes, -1 when none does; a doubled one is a character. */
function endOfQuoted(text: string, from: number, quote: string): number {
  for (let at = text.indexOf(quote, from); at >= 0; at = text.indexOf(quote, at + 2)) {
    if (text.charAt(at + 1) !== quote) return at + 1;
  }
  return -1;
}

/** The same for `E'…'`, where a backslash escapes, also in the pieces that follow on further lines. */
function endOfEscaped(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "\\") at++;
    else if (char === "'" && text.charAt(at + 1) === "'") at++;
    else if (char === "'") {
      continuation.lastIndex = at + 1;
      if (!continuation.test(text)) return at + 1;
      at = continuation.lastIndex - 1;
    }
  }
  return -1;
}

function endOfComment(text: string, from: number): number {
  let depth = 0;
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  for (let found = mark.exec(text); found !== null; found = mark.exec(text)) {
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return -1;
}

/** The first words of a statement in one line, for patterns: quoted names are `""`, strings `''`. */
export function headOf({ tokens }: Statement, most = 40): string {
  const plain = (token: string): string => {
    const first = token.charAt(0);
    return first === '"' ? '""' : first === "'" || /^[eE]'/.test(token) || /^\$\D/.test(token) ? "''" : token;
  };
  return tokens.slice(0, most).map(plain).join(" ");
}

/** The line of a place in a text, from 1. */
export const lineAt = (text: string, at: number): number => text.slice(0, at).split("\n").length;
