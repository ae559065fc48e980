import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse, stringify } from "yaml";
import { releaseText } from "../cli/catalogue-file";
import { diffOf } from "../cli/diff";
import { withPin } from "../project/pin";
import { plan } from "../cli/plan";
import { addRelease } from "../cli/release-add";
import { readStack } from "../cli/stack-file";
import { digestOf } from "../release/canonical";
import { parseSettings } from "../release/parse";
import { recordsOf } from "../release/records";
import { snapshotOf, surroundingsOf } from "../release/snapshot";
import { figureOf, type Figure } from "./figure";

/** A figure with a limit in milliseconds beside the ratio: printed, never a reason to fail. */
export interface Limited extends Figure {
  readonly limit: number;
  readonly within: boolean;
}

const releases = 1_000;
const inline = 5;

/** The stack file of production with a thousand releases: the newest in it, the others in files and the archive. */
function writeCatalogue(folder: string) {
  const text = readFileSync(join(resolve(__dirname, ".."), "Pulumi.prod.yaml"), "utf8");
  const { config } = parse(text) as { config: Record<string, unknown> };
  const base = JSON.stringify((config["rewind:releases"] as Record<string, unknown>)["v1.2.1"]);
  const all = Object.fromEntries(
    Array.from({ length: releases }, (_, number) => {
      const record = JSON.parse(base.replaceAll("v1.2.1", `v2.0.${number}`)) as Record<string, unknown>;
      return [`v2.0.${number}`, record] as const;
    }),
  );
  mkdirSync(join(folder, "releases"));
  const ids = Object.keys(all);
  const old = ids.slice(0, -inline);
  for (const id of old) writeFileSync(join(folder, "releases", `${id}.yaml`), releaseText(all[id]));
  const archive = Object.fromEntries(old.map((id) => [id, digestOf(all[id])]));
  writeFileSync(join(folder, "releases", "archive.json"), JSON.stringify(archive, null, 1));
  const last = ids.at(-1) ?? "";
  const stack = {
    ...config,
    "rewind:release": last,
    "rewind:pins": {},
    "rewind:releases": Object.fromEntries(ids.slice(-inline).map((id) => [id, all[id]])),
    "rewind:archive": { file: "releases/archive.json", digest: digestOf(archive) },
  };
  writeFileSync(join(folder, "Pulumi.prod.yaml"), stringify({ config: stack }, { defaultStringType: "QUOTE_DOUBLE" }));
  const own = Object.entries(stack).map(([key, value]) => [key.replace("rewind:", ""), value] as const);
  const whole = { ...Object.fromEntries(own), releases: all, archive: undefined };
  return { last, whole: JSON.stringify(whole) };
}

/** A release like the pinned one. */
const unchanged = {
  from: undefined,
  images: [],
  builds: [],
  rowFiles: [],
  values: [],
  removed: [],
  schema: undefined,
  description: "like the pinned one",
  file: undefined,
  baseline: undefined,
  pin: false,
};

/** Writes into the log that a release was applied and passed, and leaves it pinned. */
function deploy(where: { readonly folder: string; readonly stack: string }, release: string): void {
  const file = join(where.folder, "Pulumi.prod.yaml");
  writeFileSync(file, withPin(readFileSync(file, "utf8"), release, {}));
  const { settings, log } = readStack(where);
  const to = { release, digest: settings.pinned.digest, pins: {}, surroundings: surroundingsOf(settings) };
  const snapshot = snapshotOf(settings);
  const { id: of } = log.append({ kind: "intent", to, snapshot, records: recordsOf(settings) });
  log.append({ kind: "outcome", of, result: "passed", checks: [], milliseconds: 60_000 });
}

/**
 * The diff of two releases of a catalogue of a thousand, against reading the same files with the YAML parser alone; and
 * the parser and every rule over all thousand at once, against `JSON.parse` and `JSON.stringify` of the same text.
 */
export async function catalogueFigures(runs: number): Promise<Limited[]> {
  const folder = mkdtempSync(join(tmpdir(), "rewind-bench-"));
  try {
    const { last, whole } = writeCatalogue(folder);
    const where = { folder, stack: "prod" };
    const first = "v2.0.7";
    const plain = (): void => {
      const read = (file: string): string => readFileSync(join(folder, file), "utf8");
      const files = ["Pulumi.prod.yaml", `releases/${first}.yaml`].map((file) => parse(read(file)) as unknown);
      JSON.stringify([...files, JSON.parse(read("releases/archive.json")) as unknown]);
    };
    const none = (): never => {
      throw new Error("no file");
    };
    const check = (): void => {
      const parsed = parseSettings(JSON.parse(whole) as Record<string, unknown>, none, { unknown: ["secrets"] });
      if (!parsed.ok || parsed.settings.releases.size !== releases) throw new Error("the catalogue was not read");
    };
    // As text: the reference is what any reader of it does, without a schema or a rule.
    const reread = (): void => void JSON.stringify(JSON.parse(JSON.stringify(JSON.parse(whole))));
    for (const release of [first, last]) deploy(where, release);
    // The first time pays for what every process pays once.
    await diffOf(where, { from: first, to: last, rows: 20 });
    plan(where, first, "full");
    addRelease(where, { ...unchanged, id: "v3.0.0" });
    const diffing: number[] = [];
    const reading: number[] = [];
    const checking: number[] = [];
    const parsing: number[] = [];
    const seeing: number[] = [];
    const planning: number[] = [];
    const adding: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      reading.push(await timed(plain));
      diffing.push(await timed(() => diffOf(where, { from: first, to: last, rows: 20 })));
      parsing.push(await timed(reread));
      checking.push(await timed(check));
      seeing.push(await timed(() => readStack(where)));
      planning.push(await timed(() => plan(where, first, "full")));
      adding.push(await timed(() => addRelease(where, { ...unchanged, id: `v3.0.${run + 1}` })));
    }
    return [
      limited(figureOf("diff in a catalogue of 1,000, against reading its files", diffing, reading, 2), 200),
      limited(figureOf("parse and check of 1,000 releases, against JSON", checking, parsing, 12), 500),
      limited(figureOf("reading a stack with a catalogue of 1,000", seeing, reading, 2), 500),
      limited(figureOf("plan in a catalogue of 1,000, against reading its files", planning, reading, 4), 400),
      limited(figureOf("release add in a catalogue of 1,000, against reading its files", adding, reading, 20), 1_000),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A figure beside a limit. */
export function limited(figure: Figure, limit: number): Limited {
  return { ...figure, limit, within: figure.value <= limit };
}

/** How long some work takes, in milliseconds. */
export async function timed(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

if (require.main === module) {
  void catalogueFigures(Number(process.env.REWIND_BENCH_RUNS ?? 5)).then((figures) => {
    for (const figure of figures) {
      process.stdout.write(`${JSON.stringify(figure)}\n`);
      if (!figure.ok) process.exitCode = 1;
    }
  });
}
