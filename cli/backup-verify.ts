import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { openJson, openLevels, openLogs, type Opened } from "../recovery/backups/contents";
import { restoreBeside } from "../recovery/backups/beside";
import { dropDatabase } from "../recovery/backups/swap";
import { withOpened } from "../recovery/backups/opened";
import { provenanceOf, type Provenance } from "../recovery/backups/provenance";
import type { Backup } from "../recovery/backups/read";
import { problemsOf } from "../recovery/backups/verify";
import { ageAt, backupObjectives, isOfTheFuture, type BackupObjectives } from "../release/backups";
import { redactor } from "../release/redact";
import { judge } from "../release/verdict";
import { dumpPlaceOf, heldIn, partsOf } from "./backup";
import { backupNamed, backupsOfStack } from "./backup-list";
import { ageOf, listed } from "./backup-proof";
import { unprovenUse, witnessesOf, type Trust } from "./backup-witnesses";
import { exitCodeOf, exitCodes } from "./exit-codes";
import type { BackupVerifyJson, verifyLevels } from "./json/backup";
import { look, type Advised, type Finding } from "./look";
import { checkLines, duration } from "./report";
import type { VerbResult } from "./result";
import { open, type OpenedStack, type Where } from "./stack";
import { inBackup } from "./backup-place";
import { settingsIn } from "./stack-file";
import { counted } from "../release/text";

export type VerifyLevel = (typeof verifyLevels)[number];

/** What the caller wants verified. */
export interface VerifyOptions extends Trust {
  /** The newest unless said. */
  readonly id: string | undefined;
  readonly level: VerifyLevel;
  /** The file with the key of age, for a backup that is encrypted. */
  readonly identity: string | undefined;
  readonly now: Date;
}

/**
 * `rewind backup verify`: whether a backup is what was written; on the level comprehensive everything in it is opened, and
 * on emergency-ready it has to be recent, complete and quick enough to restore as well. Nothing of it is changed.
 */
export async function verifyBackup(where: Where, options: VerifyOptions): Promise<VerbResult<BackupVerifyJson>> {
  const { id, level, identity, now } = options;
  const all = backupsOfStack(where);
  const backup = backupNamed(all, id);
  const witnesses = witnessesOf(where, all.stack, options);
  const proof = provenanceOf(backup, witnesses);
  const checks = [
    await look(checksums, () => wholeness(backup)),
    await look(provenance, () => provenFinding(proof, options)),
    await look("clock", () => ofThePast(backup, now)),
  ];
  // What is not what was written, or was written by nobody who is known, is not opened: a dump is a program.
  const isTrusted = checks.every(({ name, result }) => name === "clock" || result === "passed");
  if (isTrusted && proof.by === "nothing") witnesses.log.append(unprovenUse(backup, "verify"));
  if (!isTrusted) checks.push(...unopened(level));
  else if (level !== "daily") {
    const stack = await open(where);
    const objectives = backupObjectives(stack.settings.backups);
    const started = performance.now();
    checks.push(...(await opening(stack, backup, { identity, proven: proof.by !== "nothing" })));
    if (level === "emergency-ready") {
      checks.push(...(await readiness(stack, backup, objectives, now, performance.now() - started)));
    }
  }
  const { result } = judge(checks);
  const isForged = proof.by === "nothing" && proof.forged && !options.unproven;
  const isTampered = isForged || checks.some(({ name, result }) => name === checksums && result === "failed");
  const next = [...new Set(checks.flatMap((check) => (check.result === "passed" ? [] : (check.next ?? []))))];
  const text = [
    `${result.toUpperCase()}: ${basename(backup.place)}, ${level}`,
    ...checkLines(checks),
    ...next.map((each) => `Next: ${each}`),
  ].join("\n");
  const json = { stack: all.stack, id: backup.id, folder: backup.place, level, outcome: result, checks };
  return { code: isTampered ? exitCodes.tampered : exitCodeOf[result], text, json };
}

const checksums = "checksums";
const provenance = "provenance";

/** What is not asked of a backup that is not trusted. */
function unopened(level: VerifyLevel): Advised[] {
  if (level === "daily") return [];
  const evidence = "not opened: what is not proved is not run";
  return [{ name: "contents", result: "inconclusive", evidence, milliseconds: 0, attempts: 0 }];
}

function provenFinding(proof: Provenance, { unproven }: Trust): Finding {
  if (proof.by === "log") return { result: "passed", evidence: `the deployment log has its manifest: ${proof.entry}` };
  if (proof.by === "signature") return { result: "passed", evidence: `signed with the key ${proof.key}` };
  if (unproven) return { result: "passed", evidence: `--unproven: ${proof.why}` };
  const next = "rewind backup choose, or --unproven where you know where it comes from";
  return { result: "failed", evidence: `nothing proves who made it: ${proof.why}`, next };
}

function wholeness(backup: Backup): Finding {
  const problems = problemsOf(backup);
  return problems.length === 0
    ? { result: "passed", evidence: `${backup.files.length} files are what was written` }
    : { result: "failed", evidence: listed(problems), next: "rewind backup choose" };
}

function ofThePast({ at }: Backup, now: Date): Finding {
  return isOfTheFuture(at, now)
    ? { result: "failed", evidence: `made at ${at}, and it is ${now.toISOString()}`, next: "rewind doctor" }
    : { result: "passed", evidence: `made at ${at}` };
}

/** Everything in a backup, opened: the rest is asked of what was encrypted, where it is. */
async function opening(
  stack: OpenedStack,
  backup: Backup,
  { identity, proven }: { readonly identity: string | undefined; readonly proven: boolean },
): Promise<Advised[]> {
  const redact = redactor(stack.secrets);
  const checks: Advised[] = [];
  const seen = async (name: string, ask: () => Finding | Promise<Finding>): Promise<void> => {
    checks.push(await look(name, ask, redact));
  };
  try {
    await withOpened(backup, identity, async (plain) => {
      if (plain !== backup) await seen("encrypted", () => wholeness(plain));
      await seen("json", async () => found("JSON files parsed", await openJson(plain)));
      await seen("logs", () => found("deployment logs are sound", openLogs(plain)));
      await seen("leveldb", async () => found("LevelDBs read from a copy", await openLevels(plain)));
      await seen("stack file", () => stackFileOf(stack, plain));
      await seen("state", () => stateOf(plain));
      if (plain.parts.includes("database")) await seen("database", () => restorable(stack, plain, proven));
    });
  } catch (error) {
    await seen("encrypted", () => {
      throw error;
    });
  }
  return checks;
}

function found(what: string, { count, problems }: Opened): Finding {
  if (problems.length > 0) return { result: "failed", evidence: listed(problems), next: "rewind backup choose" };
  return { result: "passed", evidence: `${count} ${what}` };
}

function stackFileOf({ engine, folder, file: own }: OpenedStack, plain: Backup): Finding {
  const file = plain.files.find(({ path }) => path === inBackup(own));
  if (file === undefined) return { result: "failed", evidence: "there is none", next: "rewind backup create" };
  const { release } = settingsIn(engine.name, readFileSync(join(plain.place, file.stored), "utf8"), folder);
  return { result: "passed", evidence: `it pins ${release}` };
}

function stateOf(plain: Backup): Finding {
  const file = plain.files.find(({ path }) => path === "state/state.json");
  if (file === undefined) return { result: "failed", evidence: "there is none", next: "rewind backup create" };
  const state = JSON.parse(readFileSync(join(plain.place, file.stored), "utf8")) as {
    deployment?: { resources?: readonly unknown[] };
  };
  return { result: "passed", evidence: counted(state.deployment?.resources?.length ?? 0, "resource") };
}

/** The dump, restored into a database that is gone again afterwards. */
async function restorable(stack: OpenedStack, plain: Backup, proven: boolean): Promise<Finding> {
  const place = dumpPlaceOf(stack);
  const dump = plain.files.find(({ path }) => path.startsWith("database/"));
  if (place === undefined || dump === undefined)
    return { result: "failed", evidence: "there is nowhere to restore it" };
  const held = heldIn(plain);
  const counts = held?.rows;
  const { database } = await restoreBeside(place, join(plain.place, dump.stored), { held, proven });
  await dropDatabase(place.server, database);
  const rows = Object.values(counts ?? {}).reduce((sum, each) => sum + each, 0);
  return {
    result: "passed",
    evidence: `restored and counted: ${counted(rows, "row")} of ${Object.keys(counts ?? {}).length} tables`,
  };
}

/** Whether a backup would do in an emergency: it is recent and complete, and opening all of it took no longer than allowed. */
async function readiness(
  { settings }: OpenedStack,
  backup: Backup,
  { age, restore }: BackupObjectives,
  now: Date,
  took: number,
): Promise<Advised[]> {
  const old = ageAt(backup.at, now);
  const missing = partsOf(settings).filter((part) => !backup.parts.includes(part));
  const next = "rewind backup create";
  const judged = (ok: boolean, evidence: string): Finding =>
    ok ? { result: "passed", evidence } : { result: "failed", evidence, next };
  return [
    await look("recent", () => judged(old <= age, `${ageOf(old)} old, ${ageOf(age)} are allowed`)),
    await look("complete", () =>
      judged(missing.length === 0, missing.length === 0 ? backup.parts.join(", ") : `without ${missing.join(", ")}`),
    ),
    await look("in time", () =>
      judged(took <= restore, `opened and restored in ${duration(took)}, ${duration(restore)} are allowed`),
    ),
  ];
}
