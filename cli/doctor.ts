import { join, relative } from "node:path";
import { ownName, stackFileOf, stackNames } from "../project/project";
import { timingBefore } from "../checks/before";
import { runProbes } from "../checks/probe";
import { proxyProbes } from "../checks/routes";
import type { Entry } from "../records/entry";
import type { DeploymentLog } from "../records/log";
import { placeOf, storeVariable } from "../records/place";
import { openStore } from "../records/stores";
import { BadStore, StoreUnavailable } from "../records/store";
import { renamedFrom } from "../records/renamed-stack";
import { isAlive } from "../records/runner";
import { holds, stopped, unfinishedRollback } from "../records/state";
import { verifyLog } from "../records/verify";
import { InvalidConfiguration } from "../release/config";
import type { Settings } from "../release/parse";
import { recordsFolder, type Records } from "../release/schema/store";
import { judge } from "../release/verdict";
import { measureEngine, pinnedEngine, pulumiIn, type RunPulumi } from "./engine-checks";
import { exitCodes, type ExitCode } from "./exit-codes";
import type { Diagnosis } from "./json/assessment";
import { look, type Advised, type Finding } from "./look";
import { describeCheckout, describeProxies, measureNode, measureSpace, measureWritable } from "./machine-checks";
import { measurePooler } from "./pooler-check";
import { marked } from "./report";
import { afterHold, afterStop } from "./next";
import { Refusal, type VerbResult } from "./result";
import { importedWords, openLog, readProject, readStack } from "./stack-file";
import type { Where } from "./stack";
import { counted } from "../release/text";

/** What the doctor is told, and asks with. */
export interface Patient {
  /** The project's folder. */
  readonly folder: string;
  /** Finds out where to work; may throw. */
  readonly where: () => Where;
  readonly now: Date;
  readonly pulumi?: RunPulumi;
  readonly node?: string;
}

/**
 * `rewind doctor`: what a person looks at when nothing works, each with the next command. Needs no engine, no network and
 * no stack, changes nothing, and never throws: a look that breaks is a result.
 */
export async function doctor(patient: Patient): Promise<VerbResult<Diagnosis>> {
  const { folder, now, node = process.version, pulumi = pulumiIn(folder) } = patient;
  const checks: Advised[] = [];
  const add = async (name: string, ask: () => Finding | Promise<Finding>): Promise<void> => {
    checks.push(await look(name, ask));
  };
  let asked: string | undefined;
  // The embedded environment's variables bring the engine onto the PATH, so they come first.
  const located = await look("environment", () => {
    asked = patient.where().stack;
    return { result: "passed", evidence: "" };
  });
  if (located.result !== "passed") checks.push({ ...located, next: "rewind local status" });
  await add("node", () => measureNode(folder, node));
  await add("pulumi", async () => measureEngine(pulumi, pinnedEngine(folder)));
  let stack: string | undefined;
  await add("stack", async () => {
    const { name, ...finding } = await findStack(folder, asked, pulumi);
    stack = name;
    return finding;
  });
  if (stack !== undefined) checks.push(...(await examine({ folder, stack }, now)));
  await add("disk", () => measureSpace(folder));
  await add("outbound proxy", () => describeProxies());
  await add("git", () => describeCheckout(folder));
  const found: Diagnosis = { stack: stack ?? null, result: judge(checks).result, checks };
  return { code: codeOf(found), text: textOf(found), json: found };
}

/** The stack that is named, else the selected one, else the only one that has a file. */
async function findStack(
  folder: string,
  asked: string | undefined,
  pulumi: RunPulumi,
): Promise<Finding & { readonly name?: string }> {
  const project = readProject(folder);
  const known = stackNames(project);
  const listed = known.join(", ") || "none";
  const selected = asked ?? (await pulumi(["stack", "--show-name", "--non-interactive"]).catch(() => "")).trim();
  const name = selected !== "" ? ownName(selected, project) : known.length === 1 ? known[0] : undefined;
  if (name === undefined) {
    const next = "rewind doctor --stack <name>";
    return { result: "inconclusive", evidence: `none is named and none is selected; there are: ${listed}`, next };
  }
  if (!known.includes(name)) {
    const evidence = `${name} has no file ${relative(folder, stackFileOf(project, name))}; there are: ${listed}`;
    return { result: "failed", evidence, next: "rewind doctor --stack <name>, or rewind local up" };
  }
  const how = asked !== undefined ? "as asked" : selected !== "" ? "selected" : "the only one with a file";
  return { result: "passed", evidence: `${name}, ${how}`, name };
}

/** What a stack's file and log say. */
async function examine(where: Where & { readonly stack: string }, now: Date): Promise<Advised[]> {
  const { folder, stack } = where;
  let settings: Settings | undefined;
  const file = await look("stack file", () => {
    const read = fileFinding(where);
    settings = read.settings;
    return read;
  });
  // Without the file nobody knows whether the log lies elsewhere; where it lies by default is worth a look.
  const records = settings?.environment.records;
  let entries: readonly Entry[] | undefined;
  const readable = await look("deployment log", () => {
    let location = "";
    try {
      const log = openLog(folder, stack, records);
      location = log.location;
      entries = log.entries();
      return chainFinding(log, entries.length, stack);
    } catch (error) {
      const evidence = error instanceof Error ? error.message : String(error);
      const unreached = error instanceof BadStore || error instanceof StoreUnavailable;
      const next = unreached
        ? `rewind records show --stack ${stack}, when ${storeVariable} or the server is put right`
        : `put that line right in ${location}, from a copy of the log`;
      return { result: "failed", evidence, next };
    }
  });
  const writable = await look("log folder", () => measureWritable(join(folder, recordsFolder(records))));
  const told = entries === undefined ? [] : await examineLog(entries, settings, now);
  const renamed =
    entries?.length === 0 ? [await look("renamed stack", () => renamedFinding(folder, stack, records))] : [];
  const database = settings?.environment.database;
  const pooler = database === undefined ? [] : [await look("pooler", () => measurePooler(database))];
  const probed = settings === undefined ? [] : await runProbes(proxyProbes(settings), timingBefore);
  const answers = probed.map((check) =>
    check.result === "passed" ? check : { ...check, next: "rewind local status" },
  );
  return [file, readable, writable, ...renamed, ...told, ...pooler, ...answers];
}

/** Whether the store has a log that this stack may have lost. */
async function renamedFinding(folder: string, stack: string, records: Records | undefined): Promise<Finding> {
  const store = openStore(placeOf(records, folder));
  try {
    const renamed = renamedFrom(folder, stack, await store.journals());
    return renamed === undefined
      ? { result: "passed", evidence: "no log is without a stack" }
      : { result: "failed", ...renamed };
  } finally {
    await store.close();
  }
}

function fileFinding(where: Where): Finding & { readonly settings?: Settings } {
  try {
    const { settings, environments } = readStack(where);
    const { pinned, environment, catalogue } = settings;
    const imports = environments.length === 0 ? "" : `; ${importedWords(environments)}`;
    const evidence = `${environment.kind}, pins ${pinned.release}, ${counted(catalogue.length, "release")} in the catalogue${imports}`;
    return { result: "passed", evidence, settings };
  } catch (error) {
    if (error instanceof Refusal) return { result: "failed", evidence: error.message, next: error.next };
    if (!(error instanceof InvalidConfiguration)) throw error;
    const problems = error.message.split("\n");
    const more = problems.length > 20 ? `; and ${problems.length - 20} more` : "";
    return {
      result: "failed",
      evidence: `${problems.slice(0, 20).join("; ")}${more}`,
      next: `edit ${relative(where.folder, stackFileOf(readProject(where.folder), where.stack ?? ""))}; an editor that knows JSON Schema underlines them`,
    };
  }
}

/** What the chain says of a log that can be read. */
function chainFinding(log: DeploymentLog, entries: number, stack: string): Finding {
  const { result, findings } = verifyLog(log.bytes(), log.location);
  const [first] = findings;
  const evidence = `${counted(entries, "entry")} in ${log.location}`;
  if (first === undefined) return { result: "passed", evidence };
  const next = `rewind log verify --stack ${stack}`;
  const seen = `${evidence}; line ${first.line} is ${first.flaw}: ${first.reason}`;
  return { result: result === "unfinished" ? "inconclusive" : "failed", evidence: seen, next };
}

async function examineLog(entries: readonly Entry[], settings: Settings | undefined, now: Date): Promise<Advised[]> {
  return Promise.all([
    look("clock", () => clockFinding(entries, now)),
    look("rollback", () => rollbackFinding(entries)),
    look("emergency stop", () => stopFinding(entries, settings)),
    look("holds", () => holdsFinding(entries, settings)),
  ]);
}

/** A log from the future means that a clock is wrong, this machine's or another's: ids and ages are not to be trusted. */
function clockFinding(entries: readonly Entry[], now: Date): Finding {
  const newest = entries.map(({ at }) => at).reduce((a, b) => (a > b ? a : b), "");
  const evidence = `${now.toISOString()}; the newest entry is ${newest === "" ? "yet to come" : `of ${newest}`}`;
  return Date.parse(newest) > now.getTime()
    ? { result: "failed", evidence, next: "date -u; timedatectl, here and where the entry was written" }
    : { result: "passed", evidence };
}

function rollbackFinding(entries: readonly Entry[]): Finding {
  const open = unfinishedRollback(entries);
  if (open === undefined) return { result: "passed", evidence: "none is under way" };
  const { to, by, at, runner } = open.begun;
  const evidence = `one to ${to} by ${by} of ${at} has not come to its end`;
  return open.ended === undefined && isAlive(runner)
    ? { result: "inconclusive", evidence: `${evidence}; process ${runner.pid} works on it`, next: "wait for it" }
    : { result: "failed", evidence, next: "rewind resume, or rewind abort" };
}

function stopFinding(entries: readonly Entry[], settings: Settings | undefined): Finding {
  const stop = stopped(entries);
  if (stop === undefined) return { result: "passed", evidence: "none" };
  const evidence = `by ${stop.by} at ${stop.at}: ${stop.reason}; nothing but a rollback changes the stack`;
  const next = settings === undefined ? 'rewind start --reason "…" when it is over' : afterStop({ settings, entries });
  return { result: "failed", evidence, next };
}

/** A hold does what it is for; only one on what is pinned stops the next update. */
function holdsFinding(entries: readonly Entry[], settings: Settings | undefined): Finding {
  const held = holds(entries);
  const listed = [...held].map(([release, { reason }]) => `${release}: ${reason}`).join("; ");
  const pins = settings === undefined ? [] : [settings.pinned.release, ...Object.values(settings.pinned.sources)];
  const stands = pins.find((release) => held.has(release));
  return settings === undefined || stands === undefined
    ? { result: "passed", evidence: listed || "none" }
    : {
        result: "failed",
        evidence: `${stands} is pinned and on hold: ${held.get(stands)?.reason ?? ""}`,
        next: afterHold({ settings, entries }, stands),
      };
}

/** 13 when a look broke, 11 when something is wrong; what could not be told is no illness. */
function codeOf({ result }: Diagnosis): ExitCode {
  if (result === "error") return exitCodes.checkError;
  return result === "failed" ? exitCodes.verificationFailed : exitCodes.ok;
}

/** A look that broke found something that is not as in any checkout. */
const otherwise = "git status, and npm ci: is this a whole checkout?";

function textOf({ stack, checks }: Diagnosis): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, result, evidence, next }) => [
    `  ${marked(result)} ${name.padEnd(width)}  ${evidence}`,
    ...(result === "passed" ? [] : [`    ${" ".repeat(width)}  Next: ${next ?? otherwise}`]),
  ]);
  const passed = checks.filter(({ result }) => result === "passed").length;
  const first = checks.find(({ result }) => result === "failed" || result === "error");
  const well = stack === null ? "rewind doctor --stack <name>" : `rewind status --stack ${stack}`;
  const next = first === undefined ? well : (first.next ?? otherwise);
  return [...lines, `${passed} of ${checks.length} are well.`, `Next: ${next}`].join("\n");
}
