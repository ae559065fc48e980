import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isReadable } from "../../recovery/backups/read";
import { thisRunner } from "../../records/runner";
import { canonicalJson } from "../../release/canonical";
import { failures, judge, type Check } from "../../release/verdict";
import { lineOfAvailability, watch, type Availability } from "./availability";
import { backUp, backupsInOrder, deploymentsOf, readLevelOf } from "./backup";
import { copyFolder } from "./folders";
import { readAll, storeOf, switchTo, type Home } from "./home";
import { inspect, lineOf, tryCrud } from "./inspect";
import { makeLevel, recordsOf } from "./migrate";
import { Refusal } from "./refusal";
import { liftStop, noteIncident, raiseStop, type Stop } from "./stop";
import { aspects, validate, type Read } from "./validate";

/** What a rollback is asked to do. */
export interface RollbackOptions {
  readonly noBackup: boolean;
  readonly now: () => Date;
  readonly tell: (line: string) => void;
}

/** How a rollback ended. */
export interface RolledBack {
  readonly incident: string;
  /** The id of the backup that LevelDB was restored from. */
  readonly from: string;
  /** The id of the backup of what was there before; undefined when none was asked for. */
  readonly before: string | undefined;
  /** Records that only the unified JSON had, and that are in LevelDB now. */
  readonly carried: readonly string[];
  /** Records of the unified JSON that are not in LevelDB as they were, each with the reason. */
  readonly left: readonly string[];
  readonly checks: readonly Check[];
  /** To somebody who read all the time. */
  readonly availability: Availability;
  readonly milliseconds: number;
}

/**
 * Goes back from unified JSON to LevelDB: emergency stop, backup, the best backup with LevelDB restored beside its place
 * and validated there, the switch, validation, the stop lifted. Killed anywhere and run again it comes to the same end.
 * Whoever reads meanwhile reads unified JSON until the switch, and LevelDB from then on.
 * @throws Refusal when there is nothing to go back to, or validation fails; the emergency stop then stands
 */
export async function rollbackToLevel(home: Home, options: RollbackOptions): Promise<RolledBack> {
  const ended = new AbortController();
  const watching = watch(home, {}, ended.signal);
  try {
    const done = await goBack(home, options);
    ended.abort();
    const availability = await watching;
    noteIncident(home, done.incident, options.now(), `AVAILABILITY: ${lineOfAvailability(availability)}`);
    return { ...done, availability };
  } finally {
    ended.abort();
    await watching;
  }
}

async function goBack(home: Home, { noBackup, now, tell }: RollbackOptions): Promise<Omit<RolledBack, "availability">> {
  const began = performance.now();
  const stop = raiseStop(home, "rollback from unified JSON to LevelDB", now(), thisRunner());
  tell(`Incident ${stop.incident}: the emergency stop stands`);
  const before = noBackup
    ? undefined
    : (await backUp(home, "rollback", `emergency-rollback-${stop.incident}`, now())).id;
  tell(before === undefined ? "No backup was asked for" : `Backed up as ${before}`);
  const { from, aside, carried, left } = await restoreLevel(home, stop, { now, tell });
  switchTo(home, "leveldb");
  tell("LevelDB is in use");
  const checks = await checksAfterwards(home, now());
  if (judge(checks).result !== "passed") throw failed(home, stop, checks, now());
  if (before !== undefined && aside !== undefined) rmSync(aside, { recursive: true });
  liftStop(home);
  const milliseconds = Math.round(performance.now() - began);
  noteIncident(home, stop.incident, now(), `SUCCESS: rolled back to LevelDB from backup ${from} in ${milliseconds} ms`);
  return { incident: stop.incident, from, before, carried, left, checks, milliseconds };
}

/** Restores the first backup, in their order, that makes a whole of 26 contracts with what only the unified JSON has. */
async function restoreLevel(
  home: Home,
  stop: Stop,
  { now, tell }: Pick<RollbackOptions, "now" | "tell">,
): Promise<Pick<RolledBack, "from" | "carried" | "left"> & { readonly aside: string | undefined }> {
  for (const { backup, against } of await backupsInOrder(home, now())) {
    if (against !== undefined || !isReadable(backup)) {
      tell(`Passed over backup ${backup.id}: ${against ?? ""}`);
      continue;
    }
    const { read, ...taken } = await withNewer(home, await readLevelOf(backup), now());
    const findings = validate(read, now());
    if (findings.length > 0) {
      tell(`Passed over backup ${backup.id}: ${findings.slice(0, 3).map(lineOf).join("; ")}`);
      continue;
    }
    tell(`Restoring LevelDB from backup ${backup.id}`);
    const aside = await makeLevel(home, recordsOf(read));
    restoreArchive(home, join(deploymentsOf(backup), "archive", "legacy-json"));
    return { from: backup.id, aside, ...taken };
  }
  noteIncident(home, stop.incident, now(), "FAILED: no backup with a valid LevelDB");
  throw new Refusal(
    `no backup with a valid LevelDB in ${home.backups}; the emergency stop stands, a person is needed`,
    "node examples/contracts/contracts.js recover git <commit>, or recover archive",
  );
}

/** An archive that is gone is brought back; one that is there is left alone. */
function restoreArchive(home: Home, from: string): void {
  if (existsSync(home.archive) || !existsSync(from)) return;
  copyFolder(from, home.archive);
}

/** What was deployed since the backup is in the unified JSON alone: what of it is sound is taken along. */
async function withNewer(
  home: Home,
  backup: Read,
  now: Date,
): Promise<Pick<RolledBack, "carried" | "left"> & { readonly read: Read }> {
  const unified = await readAll(storeOf(home, "unified-json"));
  const suspect = new Set(validate(unified, now).map(({ network, contract }) => `${network} ${contract ?? ""}`));
  const read = new Map([...backup].map(([network, records]) => [network, asMap(records)]));
  const [carried, left]: [string[], string[]] = [[], []];
  for (const [network, contract, value] of recordsIn(unified)) {
    const name = `${network} ${contract}`;
    const restored = read.get(network)?.get(contract);
    if (restored === undefined && !suspect.has(name)) {
      read.set(network, asMap(read.get(network)).set(contract, value));
      carried.push(name);
    } else if (restored === undefined) left.push(`${name}: not a valid record`);
    else if (canonicalJson(restored) !== canonicalJson(value)) left.push(`${name}: as it was in the backup`);
  }
  return { read, carried, left };
}

const asMap = (records: ReadonlyMap<string, unknown> | Error | undefined): Map<string, unknown> =>
  new Map(records instanceof Error ? [] : records);

function* recordsIn(read: Read): Generator<readonly [network: string, contract: string, record: unknown]> {
  for (const [network, records] of read) {
    if (records instanceof Error) continue;
    for (const [contract, record] of records) yield [network, contract, record];
  }
}

/** What is looked at before the stop is lifted. */
async function checksAfterwards(home: Home, now: Date): Promise<Check[]> {
  const store = storeOf(home, "leveldb");
  return [...(await inspect(store, aspects, now)).checks, await tryCrud(store)];
}

function failed(home: Home, stop: Stop, checks: readonly Check[], now: Date): Refusal {
  const evidence = failures(judge(checks)).map(({ name, evidence }) => `${name}: ${evidence}`);
  noteIncident(home, stop.incident, now, `FAILED: ${evidence.join("; ")}`);
  return new Refusal(
    `validation failed after the rollback: ${evidence.join("; ")}; the emergency stop stands, a person is needed`,
    "node examples/contracts/contracts.js recover git <commit>, or recover archive",
  );
}
