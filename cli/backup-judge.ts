import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { knownGood, rollbacks, unfinishedRollback } from "../records/state";
import { isReadable } from "../recovery/backups/read";
import type { BackupPart } from "../release/backup-manifest";
import { backupObjectives, choose, keptUnlessSaid, qualityOf, retained } from "../release/backups";
import { partsOf } from "./backup";
import { backupNamed, backupsOfStack, candidatesOf } from "./backup-list";
import { backupsOf } from "./backup-place";
import { demandProof, saidUnproven, witnessesOf, type Trust } from "./backup-witnesses";
import { exitCodes } from "./exit-codes";
import type { BackupChooseJson, BackupPruneJson, BackupQualityJson } from "./json/backup";
import { coloured } from "./report";
import type { VerbResult } from "./result";
import type { Where } from "./stack";
import { readStack } from "./stack-file";

/** `rewind backup quality`: a score of each backup, and what it is made of. Offline. */
export function backupQuality(where: Where, id: string | undefined, now: Date): VerbResult<BackupQualityJson> {
  const all = backupsOfStack(where);
  const { settings } = readStack(where);
  const candidates = candidatesOf(all.backups, witnessesOf(where, all.stack, {}));
  const chosen = id === undefined ? candidates : candidates.filter((each) => each.id === backupNamed(all, id).id);
  const facts = { expected: partsOf(settings), objectives: backupObjectives(settings.backups), now };
  const backups = chosen.map((each) => ({ id: each.id, ...qualityOf(each, candidates, facts) }));
  const lines = backups.flatMap(({ id, score, aspects }) => [
    `${id}: ${score}/100`,
    ...aspects.map(
      ({ name, points, of, evidence }) => `  ${name.padEnd(12)} ${`${points}/${of}`.padStart(5)}  ${evidence}`,
    ),
  ]);
  const text = lines.length === 0 ? `${all.stack} has no backup yet. Next: rewind backup create` : lines.join("\n");
  return { code: exitCodes.ok, text, json: { stack: all.stack, backups } };
}

/** What the caller wants of a backup to go back to. */
export interface ChooseOptions extends Trust {
  readonly wanted: readonly BackupPart[];
  readonly now: Date;
}

/** `rewind backup choose`: the backup to go back to, and why the others are not. Offline. */
export function chooseBackup(where: Where, { wanted, now, ...trust }: ChooseOptions): VerbResult<BackupChooseJson> {
  const { stack, backups } = backupsOfStack(where);
  const witnesses = witnessesOf(where, stack, trust);
  const weighed = choose(
    candidatesOf(backups, witnesses, () => trust.unproven),
    { wanted, now },
  );
  const chosen = weighed.find((each) => each.chosen)?.id;
  const found = backups.filter(isReadable).find((each) => each.id === chosen);
  const use = found === undefined ? undefined : demandProof(found, "choose", witnesses, trust);
  if (use !== undefined) witnesses.log.append(use);
  const parts = `${wanted.map((part) => ` --part ${part}`).join("")}${use === undefined ? "" : " --unproven"}`;
  const text = [
    ...weighed.map(({ id, chosen, why }) => `${chosen ? coloured("green", "→") : " "} ${id}  ${why}`),
    chosen === undefined ? "None fits. Next: rewind backup create" : `Next: rewind restore ${chosen}${parts}`,
  ].join("\n");
  const json = {
    stack,
    wanted: [...wanted],
    weighed,
    ...(chosen === undefined ? {} : { chosen }),
    ...saidUnproven(use),
  };
  return { code: chosen === undefined ? exitCodes.refused : exitCodes.ok, text, json };
}

/** What the caller wants gone. */
export interface PruneOptions {
  /** How many of the newest are kept; as the settings say unless said. */
  readonly keep: number | undefined;
  readonly yes: boolean;
  readonly now: Date;
}

/**
 * `rewind backup prune`: removes backups that nobody needs any more, and what interrupted ones left behind; without `yes` it
 * only says which. What is removed gets another name first, so that a piece of a backup never looks like one.
 */
export function pruneBackups(where: Where, { keep, yes, now }: PruneOptions): VerbResult<BackupPruneJson> {
  const { stack, folder, backups } = backupsOfStack(where);
  const { log, settings } = readStack(where);
  const entries = log.entries();
  const open = unfinishedRollback(entries)?.begun.id;
  const inUse = rollbacks(entries).flatMap(({ begun, ended }) =>
    begun.id === open && ended?.backup !== undefined ? [basename(ended.backup)] : [],
  );
  const needs = { keep: keep ?? settings.backups?.keep ?? keptUnlessSaid, knownGood: knownGood(entries), inUse, now };
  const judged = retained(candidatesOf(backups, witnessesOf(where, stack, {})), needs);
  const all = backupsOf(folder, stack);
  const leftovers = leftoversIn(all, now);
  if (yes) {
    for (const { id } of judged.filter((each) => !each.keep)) removeBackup(all, id);
    for (const name of leftovers) rmSync(join(all, name), { recursive: true, force: true });
  }
  const text = [
    ...judged.map(({ id, keep, why }) => `${keep ? "keep  " : yes ? "gone  " : "remove"} ${id}  ${why}`),
    ...leftovers.map((name) => `${yes ? "gone  " : "remove"} ${name}  of an interrupted backup`),
    ...(yes || (judged.every((each) => each.keep) && leftovers.length === 0)
      ? []
      : ["Next: the same command with --yes"]),
  ].join("\n");
  const json = { stack, outcome: yes ? ("pruned" as const) : ("dry" as const), backups: judged, leftovers };
  return { code: exitCodes.ok, text: text || `${stack} has no backup yet. Next: rewind backup create`, json };
}

function removeBackup(all: string, id: string): void {
  const going = join(all, `${id}.partial-removed`);
  renameSync(join(all, id), going);
  rmSync(going, { recursive: true, force: true });
}

/** What backups left behind that did not come to their end. One that is being made is no day old. */
function leftoversIn(all: string, now: Date): string[] {
  if (!existsSync(all)) return [];
  const day = 24 * 3_600_000;
  return readdirSync(all).filter(
    (name) =>
      name.includes(".partial") &&
      now.getTime() - (statSync(join(all, name), { throwIfNoEntry: false })?.mtimeMs ?? 0) > day,
  );
}
