import { LineCounter, parseDocument, type Document, type YAMLParseError } from "yaml";
import { describeProblems, pathOf } from "../release/problems";
import { limits, tooDeep } from "../release/limits";
import { shortened } from "../release/text";
import { Decoder, Unreadable } from "./decoder";
import { offsetOf } from "./place";

/** Why a place of a YAML file is not read. */
export interface YamlProblem {
  /** The keys that lead there. */
  readonly keys: readonly string[];
  /** Counted from 1. */
  readonly line: number;
  /** What is wrong, and the remedy. */
  readonly message: string;
  /** Whether the engine does not read the file either, or not as a whole. */
  readonly fatal: boolean;
}

/** A YAML file as the engine reads it. */
export interface YamlFile {
  /** With every alias and merge in its place; of no use where a problem is fatal. */
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
  readonly document: Document.Parsed;
  /**
   * The line of the value at some keys, and further on at a path as problems have it, or of the nearest one above it. What
   * an alias stands for is found where it is written.
   */
  lineOf(keys: readonly string[], path?: string): number;
}

/**
 * The one reader of the YAML files of a project: the values are those that the engine (Go's yaml.v3) hands to the program.
 * A place that YAML 1.1 and 1.2 read differently, and one that cannot be handed over at all, is a problem with its line.
 */
export function readYaml(text: string): YamlFile {
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.fileBytes) return unread(`a file of ${bytes} bytes; at most ${limits.fileBytes}`);
  try {
    return readBounded(text);
  } catch (error) {
    // The library walks into what is nested, and finds no end.
    if (error instanceof RangeError) return unread(tooDeep);
    throw error;
  }
}

function readBounded(text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    // All scalars are texts to it: what they are is decided here.
    schema: "failsafe",
    resolveKnownTags: false,
    // Compared here, as the engine does it: by their text.
    uniqueKeys: false,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "error",
  });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const fatal = document.errors.map((error) => ({
    keys: [],
    line: lineAt(error.pos[0]),
    message: messageOf(error),
    fatal: true,
  }));
  const refused = refusedText(text);
  if (refused !== undefined) {
    fatal.push({ keys: [], line: lineAt(refused.at), message: refused.message, fatal: true });
  }
  const directives = document.directives;
  if (directives.yaml.explicit === true) {
    fatal.push({ keys: [], line: 1, message: "a %YAML directive; leave it out", fatal: true });
  }
  const found: YamlFile = {
    value: undefined,
    problems: fatal,
    document,
    lineOf: (keys, path) => lineAt(offsetOf(document, keys, path)),
  };
  if (fatal.length > 0) return found;
  try {
    const reader = new Decoder(document, text, lineAt);
    return { ...found, value: reader.read(document.contents), problems: reader.problems };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { ...found, problems: [error.problem] };
  }
}

/** A file of which nothing is read. */
function unread(message: string): YamlFile {
  const problems = [{ keys: [], line: 1, message, fatal: true }];
  return { value: undefined, problems, document: parseDocument(""), lineOf: () => 1 };
}

function messageOf({ code, message }: Pick<YAMLParseError, "code" | "message">): string {
  if (code === "MULTIPLE_DOCS") return "a second YAML document begins; a file has one";
  // It quotes what it could not read, which may be all of it.
  return /call stack/i.test(message) ? tooDeep : shortened(message);
}

/**
 * The value of a YAML file that is read as a whole.
 * @param file its name, for the message
 * @throws Error with one line for people: the file, the line, what is wrong and the remedy
 */
export function parseYaml(text: string, file: string): unknown {
  const { value, problems } = readYaml(text);
  const [first] = problems;
  if (first === undefined) return value;
  throw new Error(describeProblems(file, [{ path: pathOf(first.keys), line: first.line, message: first.message }]));
}

/** Line breaks that YAML 1.1 knows and 1.2 does not, and characters that the engine's reader refuses anywhere. */
const oddCharacter = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]|\r(?!\n)|(?!^)\ufeff/u;

function refusedText(text: string): { readonly at: number; readonly message: string } | undefined {
  const [found] = oddCharacter.exec(text) ?? [];
  if (found === undefined) return undefined;
  const code = found.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0") ?? "";
  return { at: text.search(oddCharacter), message: `the character U+${code}; in double quotes write \\u${code}` };
}
