import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { projectIn, stackFileOf } from "../project/project";
import { describeError } from "../checks/probe";
import { openRollback } from "../records/state";
import { restoreBeside } from "../recovery/backups/beside";
import { dropDatabase } from "../recovery/backups/swap";
import { addFile } from "../recovery/backups/folders";
import { digestOf } from "../recovery/backups/provenance";
import type { Backup } from "../recovery/backups/read";
import { writeBackup, type Fill } from "../recovery/backups/write";
import type { BackupPart } from "../release/backup-manifest";
import type { Settings } from "../release/parse";
import type { Digest } from "../release/primitives";
import { redactor } from "../release/redact";
import { refusedBy, type Agreement } from "./agreement";
import { backUp, dumpPlaceOf, heldIn, partsOf } from "./backup";
import { backupsOfStack, type StackBackups } from "./backup-list";
import { backupsOf, inBackup } from "./backup-place";
import { listed } from "./backup-proof";
import {
  demandProof,
  saidUnproven,
  vouchingFor,
  witnessesOf,
  type StackWitnesses,
  type Trust,
  type UnprovenUse,
} from "./backup-witnesses";
import { writeLaterOrRefuse } from "./disk";
import { refuseWhileStopped } from "./apply";
import { exitCodes } from "./exit-codes";
import type { RestoreJson } from "./json/backup";
import { coloured, duration } from "./report";
import { isLost, RestoreNotes } from "./restore-notes";
import { refusePolicies } from "./restore-policies";
import { refuseLinksOut } from "./restore-write";
import { beginRestore, isCompared } from "./restore-entry";
import { refuseForeign, refuseTargets } from "./restore-places";
import { chosenBackup, opened, refuseUnfit, refuseUnreadable } from "./restore-proof";
import { resourcesIn, restorers, restoreStackFiles, type Restoring } from "./restore-parts";
import { refuseUnrequested } from "./request";
import { Refusal, type Tell, type VerbResult } from "./result";
import { open, type OpenedStack, type Where } from "./stack";
import { openLog, settingsIn } from "./stack-file";

/** What the caller wants back. */
export interface RestoreOptions extends Agreement, Trust {
  /** The one that `rewind backup choose` would choose unless said. */
  readonly id: string | undefined;
  /** All that the backup has, unless said. */
  readonly parts: readonly BackupPart[];
  /** The file with the key of age, for a backup that is encrypted. */
  readonly identity: string | undefined;
  readonly tell: Tell;
  readonly now: () => Date;
}

type Restored = Extract<RestoreJson, { outcome: "restored" }>["restored"][number];

/**
 * `rewind restore`: brings a stack back as a backup has it, or one part of it. The backup is proved and opened first, then
 * what is there is backed up, and only then anything is put into its place.
 * @throws Refusal when nothing was touched; Error when a part failed after others had come back
 */
export async function restore(where: Where, options: RestoreOptions): Promise<VerbResult<RestoreJson>> {
  const all = backupsOfStack(where);
  const witnesses = witnessesOf(where, all.stack, options);
  const backup = chosenBackup(all, { ...options, now: options.now() }, witnesses);
  const missing = options.parts.filter((part) => !backup.parts.includes(part));
  if (missing.length > 0) {
    throw new Refusal(
      `${backup.id} has no ${missing.join(", ")}; it has ${backup.parts.join(", ")}`,
      "rewind backup list",
    );
  }
  refuseUnfit(all.stack, backup, options.now());
  const use = demandProof(backup, "restore", witnesses, options);
  const manifest = digestOf(backup);
  const onlyStackFile = options.parts.length === 1 && options.parts[0] === "stack";
  return opened(backup, options.identity, async (plain) => {
    refuseForeign(all, plain, ["stack"], []);
    await refuseUnreadable(plain);
    if (onlyStackFile) return restoreStackAlone(all, plain, { ...options, witnesses, use, manifest });
    return restoreParts(await openedStack(where, backup, options), plain, { ...options, use, manifest });
  });
}

/** The stack as it is; where its file is lost, that comes first. */
async function openedStack(where: Where, { id }: Backup, { signal }: RestoreOptions): Promise<OpenedStack> {
  try {
    return await open(where, signal);
  } catch (error) {
    if (error instanceof Error && error.name !== "InvalidConfiguration" && !(error instanceof Refusal)) throw error;
    throw new Refusal(
      `the stack cannot be opened as it is: ${describeError(error)}`,
      `rewind restore ${id} --part stack, which needs no stack file`,
    );
  }
}

/** A restore, and what is written down of it where nothing proves its backup. */
interface Using extends RestoreOptions {
  readonly use: UnprovenUse | undefined;
  /** Of the backup's manifest as it lies there, encrypted or not. */
  readonly manifest: Digest;
}

/**
 * Refuses to restore the stack file alone without the agreement of a second person. The present stack file decides whether
 * it is needed, not the one that replaces it; without a present file it is not.
 * @throws Refusal
 */
function refuseAlone(
  stack: string,
  file: string,
  plain: Backup,
  options: Using & { readonly witnesses: StackWitnesses },
): void {
  const { log, settings } = options.witnesses;
  if (settings !== undefined) {
    refuseUnrequested({ log, settings, engine: { name: stack } }, actOf(plain, ["stack"], options), options.now());
  } else if (existsSync(file) && /^\s*["']?rewind:approval\b/m.test(readFileSync(file, "utf8"))) {
    throw new Refusal(
      `${basename(file)} asks for a second person's agreement, and nobody can agree while it cannot be read; nothing was touched`,
      "rewind doctor, which says what is wrong with it",
    );
  }
}

/** The stack file alone comes back without an engine, and where there is none that could be read. */
async function restoreStackAlone(
  { stack, folder }: StackBackups,
  plain: Backup,
  options: Using & { readonly witnesses: StackWitnesses },
): Promise<VerbResult<RestoreJson>> {
  const project = projectIn(folder);
  const own = stackFileOf(project, stack);
  const file = plain.files.find(({ path }) => path === inBackup(own));
  if (file === undefined) throw new Refusal(`${plain.id} has no ${basename(own)}`, "rewind backup list");
  const settings = settingsIn(stack, readFileSync(join(plain.place, file.stored), "utf8"), folder);
  refuseAlone(stack, own, plain, options);
  const refused = await agreed({ name: stack, settings }, plain, ["stack"], options);
  if (refused !== undefined) return refused;
  const facts = { stack, at: options.now().toISOString(), occasion: "restore" } as const;
  const all = backupsOf(folder, stack);
  refuseLinksOut(folder, [own, project.file]);
  const there = [own, project.file].filter((each) => existsSync(each));
  // Where the log is, the stack file says: one that is lost says it when it is back.
  const notes = new RestoreNotes(options.witnesses.log, options.witnesses.settings === undefined);
  if (options.use !== undefined) notes.add(options.use);
  const fill: Fill = async (staging) => {
    for (const each of there) await addFile(staging, each, inBackup(each));
    return undefined;
  };
  const before = await writeLaterOrRefuse(all, () => writeBackup(all, facts, fill, [], vouchingFor(notes.made)));
  const started = performance.now();
  const evidence = restoreStackFiles(folder, stack, plain);
  notes.settle(openLog(folder, stack, settings.environment.records));
  return told(stack, plain.id, { before: before.id, use: options.use }, [
    { part: "stack", evidence, milliseconds: since(started) },
  ]);
}

async function restoreParts(stack: OpenedStack, plain: Backup, options: Using): Promise<VerbResult<RestoreJson>> {
  const { tell, now, signal, use } = options;
  const parts = await wantedOf(stack, plain, options);
  refuseForeign({ stack: stack.engine.name, folder: stack.folder }, plain, parts, stack.settings.backups?.extra ?? []);
  refuseTargets(stack, plain, parts);
  if (parts.includes("policies")) refusePolicies(stack.settings, plain);
  refuseWhileOpen(stack);
  refuseWhileStopped(stack);
  // A lost log holds no agreement, and an entry for the request would begin another log.
  const bringsLostLog = parts.includes("records") && isLost(stack.log);
  if (!bringsLostLog) refuseUnrequested(stack, actOf(plain, parts, options), now());
  const refused = await agreed({ name: stack.engine.name, settings: stack.settings }, plain, parts, options);
  if (refused !== undefined) return refused;
  const beside = parts.includes("database") ? await databaseBeside(stack, plain, options) : undefined;
  const notes = new RestoreNotes(stack.log, bringsLostLog);
  if (use !== undefined) notes.add(use);
  let before: string;
  try {
    tell("Backing up what is there …");
    // Records and rows may be all lost: a backup of nothing is none, and the way back would be none.
    const more: readonly BackupPart[] = parts.every((part) => ["records", "rows"].includes(part)) ? ["stack"] : [];
    const there = partsOf(stack.settings).filter((part) => [...parts, ...more].includes(part));
    before = (await backUp(stack, { occasion: "restore", now: now(), parts: there, note: notes.made, signal })).id;
    tell(`  ${before}`);
  } catch (error) {
    await dropBeside(stack, beside);
    if (error instanceof Refusal) throw error;
    throw new Refusal(`what is there cannot be backed up: ${safe(stack, error)}; nothing was touched`, "rewind doctor");
  }
  return putBack({ stack, backup: plain, beside, now: now() }, parts, { before, tell, notes, use });
}

/** Puts one part after the other into its place; the deployment log knows before anything comes back that it compares. */
async function putBack(
  restoring: Restoring,
  parts: readonly BackupPart[],
  { before, tell, notes, use }: Pick<Using, "tell" | "use"> & { readonly before: string; readonly notes: RestoreNotes },
): Promise<VerbResult<RestoreJson>> {
  const { stack, backup, beside } = restoring;
  const restored: Restored[] = [];
  let end: ((error?: string) => void) | undefined;
  for (const part of parts) {
    tell(`Restoring ${part} …`);
    const started = performance.now();
    try {
      if (isCompared(part)) end ??= beginRestore(stack, backup);
      const evidence = await restorers[part](restoring);
      restored.push({ part, evidence, milliseconds: since(started) });
      if (part === "records") notes.settle();
    } catch (error) {
      if (!restored.some((each) => each.part === "database")) await dropBeside(stack, beside);
      const why = `${part}: ${safe(stack, error)}`;
      end?.(why);
      const done = restored.map((each) => each.part).join(", ") || "nothing";
      throw new Error(
        `${why}\nRestored before: ${done}. What was there is in ${before}.\nNext: rewind restore ${before}, or the same command again`,
      );
    }
  }
  end?.();
  return told(stack.engine.name, backup.id, { before, use }, restored);
}

/**
 * The parts in the order of their restorers. Of a whole backup the rows come with the database, and a state that the engine
 * has stays unless it is named: it says what is there now, and the next update goes from there to what came back.
 */
async function wantedOf(stack: OpenedStack, plain: Backup, { parts }: RestoreOptions): Promise<BackupPart[]> {
  const wanted = new Set(parts.length > 0 ? parts : plain.parts);
  if (parts.length === 0) {
    if (wanted.has("database")) wanted.delete("rows");
    if (resourcesIn(await stack.engine.exportState()).length > 0) wanted.delete("state");
  }
  const has = partsOf(stack.settings);
  const order = (Object.keys(restorers) as BackupPart[]).filter((part) => wanted.has(part));
  const lacks = order.filter((part) => part !== "extra" && !has.includes(part));
  if (lacks.length === 0) return order;
  throw new Refusal(
    `the stack has no ${lacks.join(", ")} to restore`,
    `--part ${order.filter((part) => has.includes(part)).join(" --part ")}`,
  );
}

function refuseWhileOpen({ log }: OpenedStack): void {
  let open;
  try {
    open = openRollback(log.entries());
  } catch {
    // A log that cannot be read may be what is to come back.
    return;
  }
  if (open === undefined) return;
  throw new Refusal(`a rollback to ${open.to} by ${open.by} is under way`, "rewind resume, or rewind abort", "locked");
}

async function databaseBeside(stack: OpenedStack, plain: Backup, { tell, signal, use }: Using): Promise<string> {
  const place = dumpPlaceOf(stack);
  const dump = plain.files.find(({ path }) => path.startsWith("database/"));
  if (place === undefined || dump === undefined) throw new Refusal(`${plain.id} has no dump`, "rewind backup list");
  tell("Restoring the dump beside the database, and counting its rows …");
  try {
    const how = { held: heldIn(plain), proven: use === undefined, signal };
    const { database, left } = await restoreBeside(place, join(plain.place, dump.stored), how);
    if (left.length > 0) tell(`Left out, for nothing proves who made them: ${listed(left)}`);
    return database;
  } catch (error) {
    throw new Refusal(
      `${safe(stack, error)}; nothing was touched`,
      `rewind backup verify ${plain.id} --level comprehensive`,
    );
  }
}

async function dropBeside(stack: OpenedStack, beside: string | undefined): Promise<void> {
  const place = dumpPlaceOf(stack);
  if (place === undefined || beside === undefined) return;
  await dropDatabase(place.server, beside).catch(() => undefined);
}

const actOf = ({ id }: Backup, parts: readonly BackupPart[], { use, manifest }: Using): string =>
  `restore: ${parts.join(", ")} as ${id} has them, whose manifest is ${manifest}${use === undefined ? "" : " and which nothing proves"}`;

function agreed(
  { name, settings }: { readonly name: string; readonly settings: Settings },
  { id, at }: Backup,
  parts: readonly BackupPart[],
  options: RestoreOptions,
) {
  const question = `Restore ${parts.join(", ")} of ${name} from ${id}, made ${at}?`;
  const words = options.parts.map((part) => ` --part ${part}`).join("");
  return refusedBy({ engine: { name }, settings }, options, question, `rewind restore ${id}${words}`);
}

const safe = ({ secrets }: OpenedStack, error: unknown): string => redactor(secrets)(describeError(error));
const since = (started: number): number => Math.round(performance.now() - started);

function told(
  stack: string,
  id: string,
  { before, use }: { readonly before: string; readonly use: UnprovenUse | undefined },
  restored: readonly Restored[],
): VerbResult<RestoreJson> {
  const width = Math.max(...restored.map(({ part }) => part.length));
  const said = saidUnproven(use);
  const total = restored.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const text = [
    coloured("green", `RESTORED: ${stack} from ${basename(id)} (${duration(total)})`),
    ...restored.map(({ part, evidence }) => `  ${part.padEnd(width)}  ${evidence}`),
    `Undo: rewind restore ${before}`,
    "Next: pulumi up, which goes on from there and verifies it",
  ].join("\n");
  return { code: exitCodes.ok, text, json: { stack, outcome: "restored", id, before, ...said, restored } };
}
