import type { Digest } from "../release/primitives";
import type { Entry } from "./entry";
import { checkVersion, isIntact, isTorn, lineFeed, linkOf, parseEntry, sha256, type Link } from "./line";

/** What a line of the log is found to be that it should not be, or that no chain can tell. */
export const flaws = [
  /** Its bytes, or those before it, are not what was written. */
  "changed",
  /** Something that stood before it is gone. */
  "missing",
  /** It was written behind another line than the one it stands behind. */
  "moved",
  "doubled",
  /** Nothing binds it, and no procedure writes such a line. */
  "unchained",
  /** The end of the last line is gone: a crash does that, and so does somebody who cuts. */
  "unfinished",
  /** What a checkpoint signed is not there any more. */
  "cut",
  /** What a checkpoint signed was other than this. */
  "rewritten",
  /** The end of an emergency stop by hand. */
  "by hand",
  /** A crash tore it off, and the next writer closed it. */
  "torn",
] as const;
export type Flaw = (typeof flaws)[number];

/** What was found at a line. */
export interface Finding {
  /** Its number in the file. */
  readonly line: number;
  /** Of the entry, as far as it can be read. */
  readonly id?: string | undefined;
  readonly flaw: Flaw;
  readonly reason: string;
}

/** What was found out about a log. */
export interface Verified {
  /** `unfinished` where nothing else is wrong than the end of the last line: the next entry closes it. */
  readonly result: "sound" | "unfinished" | "tampered";
  readonly entries: number;
  /** How many of them are bound to the ones before. */
  readonly chained: number;
  /** What speaks against the log, in its order. */
  readonly findings: readonly Finding[];
  /** What is no damage, and that nothing proves either. */
  readonly notes: readonly Finding[];
}

/** A line that is not empty. */
export interface Line {
  readonly number: number;
  readonly start: number;
  /** Where its end, a line feed, stands or should stand. */
  readonly end: number;
  readonly id: string | undefined;
  readonly link: Link | undefined;
  readonly intact: boolean;
  /** By a crash, as far as the line itself tells. */
  readonly torn: boolean;
  /** Of a line that nothing binds. */
  readonly entry: Entry | undefined;
}

/**
 * Holds every line of a log against the chain. Entries of the versions before the chain are sealed by the first that is
 * bound; behind the last one only a checkpoint tells.
 * @param path names the log in errors
 * @throws NewerLog when an entry is of a newer version
 */
export function verifyLog(bytes: Buffer, path: string): Verified & { readonly lines: readonly Line[] } {
  const lines = readLines(bytes, path);
  const bound = lines.filter(({ link }) => link !== undefined);
  const firstBound = bound[0]?.start ?? Number.POSITIVE_INFINITY;
  const own = lines.map((line) => flawOf(line, bytes, firstBound)).filter((flaw) => flaw !== undefined);
  const isNote = ({ flaw }: Finding): boolean => flaw === "by hand" || flaw === "torn";
  const changed = new Set(own.flatMap(({ line, flaw }) => (flaw === "changed" ? [line] : [])));
  const findings = [...own.filter((each) => !isNote(each)), ...brokenLinks(bytes, lines, changed)];
  return {
    lines,
    result: resultOf(findings),
    entries: lines.filter(isEntry).length,
    chained: bound.length,
    findings: findings.sort((a, b) => a.line - b.line),
    notes: own.filter(isNote),
  };
}

/** What findings together say of a log. */
export function resultOf(findings: readonly Finding[]): Verified["result"] {
  if (findings.length === 0) return "sound";
  return findings.every(({ flaw }) => flaw === "unfinished") ? "unfinished" : "tampered";
}

/** Whether a line counts as an entry, changed or not. */
export const isEntry = ({ link, entry, torn }: Line): boolean => !torn && (link !== undefined || entry !== undefined);

function readLines(bytes: Buffer, path: string): Line[] {
  const lines: Line[] = [];
  for (let start = 0, number = 1; start < bytes.length; number += 1) {
    const newline = bytes.indexOf(lineFeed, start);
    const end = newline < 0 ? bytes.length : newline;
    if (end > start) lines.push(readLine(bytes, start, end, number, path));
    start = end + 1;
  }
  return lines;
}

function readLine(bytes: Buffer, start: number, end: number, number: number, path: string): Line {
  const line = bytes.subarray(start, end);
  const link = linkOf(line);
  const intact = link !== undefined && isIntact(line, link);
  const parsed = link === undefined ? parseEntry(line.toString()) : undefined;
  const entry = parsed === undefined ? undefined : checkVersion(parsed, `${path}:${number}`);
  return { number, start, end, id: idIn(line), link, intact, torn: isTorn(line), entry };
}

/** As it stands there, for a line that was changed can be read no other way. */
function idIn(line: Buffer): string | undefined {
  const own = /^\{"version":\d,"id":"([^"\\]{1,100})"/.exec(line.toString("latin1", 0, 140));
  return (own ?? /"id":"([^"\\]{1,100})"/.exec(line.toString("latin1")))?.[1];
}

/** What is wrong with a line in itself. */
function flawOf(
  { number, start, end, id, link, intact, torn, entry }: Line,
  bytes: Buffer,
  firstBound: number,
): Finding | undefined {
  const found = (flaw: Flaw, reason: string): Finding => ({ line: number, id, flaw, reason });
  if (link !== undefined && !intact && !torn) return found("changed", "its bytes are not what was written");
  if (end === bytes.length) {
    const whole = link !== undefined || entry !== undefined;
    return found("unfinished", whole ? "the end of its line is missing" : "it was cut off, or torn by a crash");
  }
  if (torn) return found("torn", "a crash tore it");
  if (link !== undefined) return undefined;
  if (entry === undefined) return found("changed", "not an entry of the deployment log");
  if (start < firstBound) return undefined;
  if (entry.kind === "start" && entry.by === writtenByHand) return found("by hand", "nothing tells who wrote it");
  return found("unchained", "nothing binds it to what stands before it");
}

/** Who wrote a line without `rewind`, in the words of the procedure for it. */
export const writtenByHand = "by hand";

/** A bound line, and what stands before it. */
interface Place {
  readonly line: Line;
  readonly previous: Digest;
  readonly before: Line | undefined;
  /** What stands between the two. */
  readonly between: readonly Line[];
}

/**
 * What is wrong from one bound line to the next.
 * @param changed the numbers of the lines that are found to be changed: what follows one cannot fit
 */
function brokenLinks(bytes: Buffer, lines: readonly Line[], changed: ReadonlySet<number>): Finding[] {
  const found: Finding[] = [];
  const seen = new Set<string>();
  const explain = explaining(bytes, lines);
  let before: Line | undefined;
  let between: Line[] = [];
  for (const line of lines) {
    const { number, id, link } = line;
    const again = id !== undefined && seen.has(id);
    if (link !== undefined && again) found.push({ line: number, id, flaw: "doubled", reason: "it stands before, too" });
    // What follows it was written behind the line before.
    if (link === undefined || again) {
      between.push(line);
      continue;
    }
    if (id !== undefined) seen.add(id);
    const excused = [line, ...between, ...(before === undefined ? [] : [before])].some((each) =>
      changed.has(each.number),
    );
    const follows = link.previous === sha256(bytes.subarray(before?.start ?? 0, line.start));
    if (!follows && before?.torn === true) {
      found.push({ line: before.number, id: before.id, flaw: "changed", reason: "its bytes are not what was written" });
    } else if (!follows && !excused) found.push(...explain({ line, previous: link.previous, before, between }));
    else if (follows && before?.link !== undefined && link.token <= before.link.token) {
      found.push({ line: number, id, flaw: "moved", reason: `its token does not rise over ${before.link.token}` });
    }
    before = line;
    between = [];
  }
  return found;
}

/** Says why a line does not follow what stands before it. */
function explaining(bytes: Buffer, lines: readonly Line[]): (place: Place) => Finding[] {
  const alone = ({ start, end }: Line): Digest => sha256(Buffer.concat([bytes.subarray(start, end), lineEnd]));
  let known: Map<Digest, Line | undefined> | undefined;
  const places = () =>
    (known ??= new Map([[sha256(""), undefined], ...lines.map((line) => [alone(line), line] as const)]));
  return ({ line: { number, id }, previous, before, between }) => {
    const found = (flaw: Flaw, reason: string): Finding[] => [{ line: number, id, flaw, reason }];
    const beginning = before === undefined ? "the beginning" : nameOf(before);
    if (previous === (before === undefined ? sha256("") : alone(before))) {
      const unbound = between.filter(({ link }) => link === undefined);
      if (between.length === 0) return found("changed", "empty lines were put before it");
      const reason = `it was put between ${beginning} and line ${number} afterwards`;
      return unbound.map((each) => ({ line: each.number, id: each.id, flaw: "unchained" as const, reason }));
    }
    if (places().has(previous)) {
      const home = places().get(previous);
      return found("moved", `it was written behind ${home === undefined ? "nothing" : nameOf(home)}`);
    }
    const [first, last] = [between[0], between.at(-1)];
    if (first === undefined || last === undefined) {
      return found("missing", `between ${beginning} and it an entry is missing`);
    }
    const range = first === last ? `line ${first.number} is` : `lines ${first.number} to ${last.number} are`;
    return found("changed", `${range} not what stood before it when it was written`);
  };
}

const lineEnd = Buffer.of(lineFeed);
const nameOf = ({ number, id }: Line): string => `line ${number}${id === undefined ? "" : ` (${id})`}`;
