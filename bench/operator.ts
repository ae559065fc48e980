import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Entry, Intent } from "../records/entry";
import { limited, type Limited } from "./catalogue";
import { figureOf } from "./figure";
import { checkout, copyRooms, home, runs, time } from "./project";

const entries = 10_000;
const digest = `sha256:${"a".repeat(64)}`;

/** The project with a log of ten thousand entries: five thousand deployments between two releases. */
function writeProject(): { readonly cwd: string; readonly first: string; readonly last: string } {
  const cwd = join(home, "operator");
  rmSync(cwd, { recursive: true, force: true });
  mkdirSync(join(cwd, ".rewind", "records"), { recursive: true });
  copyRooms(cwd);
  for (const file of ["package.json", "typescript.js", "Pulumi.yaml", "Pulumi.staging.yaml"]) {
    writeFileSync(join(cwd, file), readFileSync(join(checkout, file)));
  }
  symlinkSync(join(checkout, "node_modules"), join(cwd, "node_modules"));
  const all = Array.from({ length: entries / 2 }, (_, at): Entry[] => {
    const written = {
      version: 2 as const,
      at: new Date(1_700_000_000_000 + at * 600_000).toISOString(),
      stack: "staging",
      by: "bench@here",
    };
    const to = { release: at % 2 === 0 ? "v1.2.0" : "v1.2.1", digest, pins: {}, surroundings: digest };
    const intent: Intent = { ...written, kind: "intent", id: idOf(at), to, snapshot: { policies: {} } };
    const check = { name: "health", result: "passed", evidence: "GET /health → 200", milliseconds: 9, attempts: 1 };
    const checks = Array.from({ length: 20 }, () => check as never);
    return [
      intent,
      { ...written, kind: "outcome", id: `${idOf(at)}-o`, of: idOf(at), result: "passed", checks, milliseconds: 9_000 },
    ];
  }).flat();
  writeFileSync(
    join(cwd, ".rewind", "records", "staging.jsonl"),
    all.map((entry) => `${JSON.stringify(entry)}\n`).join(""),
  );
  return { cwd, first: idOf(0), last: idOf(entries / 2 - 1) };
}

const idOf = (at: number): string => `20231114T${String(at).padStart(6, "0")}Z-${at.toString(16).padStart(8, "0")}`;

/** What an operator types first, each as a process of its own, against a process that does nothing. */
export async function operatorFigures(runs: number): Promise<Limited[]> {
  const { cwd, first, last } = writeProject();
  const rewind = (...args: string[]): Promise<number> =>
    time(process.execPath, [join(cwd, "cli", "rewind.js"), ...args], cwd, process.env);
  const verbs: readonly [name: string, limit: number, goal: number, args: readonly string[]][] = [
    ["rewind --help", 150, 8, ["--help"]],
    ["rewind status, 10,000 entries", 400, 20, ["status", "--stack", "staging"]],
    ["rewind history, 10,000 entries", 400, 20, ["history", "--stack", "staging"]],
    ["rewind history of two, 10,000 entries", 400, 20, ["history", first, last, "--stack", "staging"]],
  ];
  const nothing: number[] = [];
  const taken = verbs.map((): number[] => []);
  for (let run = 0; run < runs; run += 1) {
    nothing.push(await time(process.execPath, ["-e", "0"], cwd, process.env));
    for (const [at, [, , , args]] of verbs.entries()) taken[at]?.push(await rewind(...args));
  }
  rmSync(cwd, { recursive: true, force: true });
  return verbs.map(([name, limit, goal], at) => limited(figureOf(name, taken[at] ?? [], nothing, goal), limit));
}

if (require.main === module) {
  void operatorFigures(runs).then((figures) => {
    for (const figure of figures) process.stdout.write(`${JSON.stringify(figure)}\n`);
  });
}
