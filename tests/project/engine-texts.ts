import fc from "fast-check";
import { stringify } from "yaml";
import { readYaml } from "../../project/yaml";
import { resolveAsEngine } from "../../project/scalar";

/** One key of a stack file, and what the engine is to say of it. */
export interface EngineText {
  /** What stands behind the key and its colon. */
  readonly text: string;
  /** The value as the engine prints it: a text, or JSON. */
  readonly value: string;
}

const scalars = (
  "01067 0755 1_000 0b101 0o17 0x1f 0X1F -0x1f 0B1 0O7 08 09.5 +5 -0 -0.0 1. .5 +.5 1e3 1E+3 1e400 1e-400 0b-101 -0b1 " +
  "18446744073709551615 18446744073709551616 -9223372036854775809 9223372036854775808 1:30 190:20:30 yes no on off y n Yes ~ " +
  "null Null true True TRUE tRue 1_0 _1 0_7 0x_1f 2025-13-01 2025-02-29 2025-09-17T10:00:00 1.2.3 v1 1.10 16.80 00 007 0. . .. " +
  "1e 0x 0b 0o 0b2 0o8 1,000 12e03 -.5 1.5e300 5e-324 1e21 1e20 1e6 0.1 0.00001 1e-7 2025-09-17x a#b http://x/y?z=1"
).split(" ");
const pieces = [
  "a",
  "b c",
  "1",
  "true",
  "''",
  '"q\\nx"',
  "'it''s'",
  "v1.2",
  "é",
  "日本 😀",
  "1.5",
  "",
  "a,b",
  "k:v",
  '"\\u00e9"',
];
/** Tags, of which a value of one reader may be another's text, and keys that are no plain words. */
const tags = ["!!str", "!!str", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!binary", "!!timestamp", "!x", "!"];
const keys = ["a", "b", "'c'", '"d"', "e f", "1", "v1.2.0"];
const oddKeys = [
  ...["1.10", "true", "'1.10'", '"true"', '"a:b"', "a:b", "'a: b'", "? a", '? "a b"', "? 1", "?a", "-a", "''", "~"],
  ...[
    "!!str 1.10",
    "!!str true",
    "!!str f",
    "!!int 2",
    "!x g",
    "&k h",
    "0x1f",
    "0755",
    "1e3",
    ".5",
    "no",
    "2025-09-17",
  ],
];
const headers = ["|", ">", "|-", ">-", "|+", ">+", "|2"];
const lines = ["text", "  more", "", "# no", "a: b", "- x", "trail  "];

/** Values in every style that people write, and the scalars that the two YAMLs read differently. */
export function engineTexts(seed: number, count: number): EngineText[] {
  const generated = fc.sample(fc.oneof(node("    ", 0), written), { seed, numRuns: count * 3 });
  const texts = [...scalars.map((text) => ` ${text}`), ...generated];
  const all = texts.flatMap((text) => {
    const expected = expectedOf(text);
    return expected === undefined ? [] : [{ text, value: expected }];
  });
  return all.slice(0, count);
}

/** What a document of one key says; undefined where we refuse it. */
function expectedOf(text: string): string | undefined {
  const plain = text.trim();
  const resolved = scalars.includes(plain) ? resolveAsEngine(plain) : undefined;
  if (resolved?.kind === "value") return printed(resolved.value);
  const { value, problems } = readYaml(`config:\n  t:k:${text}\n  t:end: 1\n`);
  return problems.length > 0 ? undefined : printed((value as { config: Record<string, unknown> }).config["t:k"]);
}

function printed(value: unknown): string {
  if (typeof value === "string") return value;
  return value === null ? "" : JSON.stringify(value);
}

const written = fc
  .tuple(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom("PLAIN", "QUOTE_SINGLE", "QUOTE_DOUBLE", "BLOCK_LITERAL" as const),
  )
  .map(([value, defaultStringType]) => {
    const text = stringify({ v: value }, { defaultStringType, lineWidth: 0 }).trimEnd().slice(2);
    return text.replaceAll("\n", "\n  ");
  });

const inFlow = [
  ...[
    "a",
    "'b'",
    "1",
    "c: 1",
    '"d": [x]',
    "*s",
    "!!str 1",
    "!!str true",
    "!!int 1",
    "!!seq [x]",
    "!!map {a: 1}",
    "{? a : b}",
  ],
  ...["? a : b", '"a:b": c', "{true: 1}", "{1.10: x}", "{'1.10': x}", "{!!str 1.10: x}", "!x y", "!!binary aGk="],
];

function node(indent: string, depth: number): fc.Arbitrary<string> {
  const plain = fc.constantFrom(...pieces, ...scalars.slice(0, 40)).map((piece) => ` ${piece}`);
  const tagged = fc.tuple(fc.constantFrom(...tags), plain).map(([tag, text]) => ` ${tag}${text === " " ? "" : text}`);
  const scalar = fc.oneof({ weight: 5, arbitrary: plain }, { weight: 1, arbitrary: tagged });
  const block = fc
    .tuple(
      fc.constantFrom("", "", "", " !!str"),
      fc.constantFrom(...headers),
      fc.array(fc.constantFrom(...lines), { minLength: 1, maxLength: 4 }),
    )
    .map(
      ([tag, header, body]) =>
        `${tag} ${header}\n${body.map((line) => (line === "" ? "" : `${indent}${line}`)).join("\n")}`,
    );
  const flow = fc.array(fc.constantFrom(...inFlow), { maxLength: 4 }).map((items) => ` [&s s, ${items.join(", ")}]`);
  if (depth > 2) return fc.oneof(scalar, block, flow);
  const inner = node(`${indent}  `, depth + 1);
  const key = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...keys) },
    { weight: 1, arbitrary: fc.constantFrom(...oddKeys) },
  );
  const map = fc
    .uniqueArray(key, { minLength: 1, maxLength: 3 })
    .chain((names) =>
      fc.tuple(fc.constant(names), fc.array(inner, { minLength: names.length, maxLength: names.length })),
    )
    .map(([names, values]) => names.map((name, at) => entry(indent, name, values[at] ?? "")).join(""));
  const list = fc
    .array(inner, { minLength: 1, maxLength: 3 })
    .map((values) => values.map((value) => `\n${indent}-${value}`).join(""));
  const merged = map.map((text) => {
    const base = `\n${indent}base: &base { a: 1, z: [x] }`;
    return `${base}\n${indent}first: *base\n${indent}second:\n${indent}  <<: *base\n${indent}  a: 2\n${indent}third:${text.replaceAll(`\n${indent}`, `\n${indent}  `)}`;
  });
  return fc.oneof(scalar, block, flow, map, list, merged);
}

/** An entry of a map in a block; a key behind a question mark has its colon on a line of its own. */
function entry(indent: string, key: string, value: string): string {
  return key.startsWith("? ") ? `\n${indent}${key}\n${indent}:${value}` : `\n${indent}${key}:${value}`;
}
