import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import type { Runner } from "../../records/entry";
import { syncFolder, writeAtomically } from "../../records/atomic-file";
import { isAlive } from "../../records/runner";
import { copyFolder } from "./folders";
import type { Home } from "./home";
import { Refusal } from "./refusal";

/** The emergency stop: what changes records refuses to run while it stands. */
export interface Stop {
  readonly incident: string;
  readonly reason: string;
  readonly at: string;
  /** Who works under it now; nobody, once that process is gone. */
  readonly by?: Runner;
}

const fileOf = (home: Home): string => home.at(".emergency-stop");

/** The emergency stop that stands; undefined when there is none. */
export function stopOf(home: Home): Stop | undefined {
  return existsSync(fileOf(home)) ? (JSON.parse(readFileSync(fileOf(home), "utf8")) as Stop) : undefined;
}

/** @throws Refusal while an emergency stop stands */
export function refuseWhileStopped(home: Home): void {
  const stop = stopOf(home);
  if (stop === undefined) return;
  throw new Refusal(
    `the emergency stop of ${stop.incident} stands: ${stop.reason}`,
    "node examples/contracts/contracts.js rollback-to-leveldb, or start",
  );
}

/**
 * Raises the emergency stop, and keeps the unified JSON as it is for whoever looks for the cause. One that stands, such as
 * that of a rollback that was killed, is taken over with its incident.
 * @throws Refusal when somebody alive works under it
 * @param by who works under it from now on
 */
export function raiseStop(home: Home, reason: string, now: Date, by: Runner | undefined): Stop {
  const before = stopOf(home);
  if (before?.by !== undefined && isAlive(before.by)) {
    throw new Refusal(`process ${before.by.pid} is rolling back, under ${before.incident}`, "wait until it has ended");
  }
  const stop: Stop = before ?? { incident: incidentAt(now), reason, at: now.toISOString() };
  const evidence = `${home.incident(stop.incident)}/corrupted-state`;
  mkdirSync(home.incident(stop.incident), { recursive: true });
  writeAtomically(fileOf(home), `${JSON.stringify({ ...stop, by }, null, 2)}\n`);
  if (!existsSync(evidence) && existsSync(home.unified)) copyFolder(home.unified, evidence);
  return stop;
}

/** Lifts the emergency stop. */
export function liftStop(home: Home): void {
  rmSync(fileOf(home), { force: true });
  syncFolder(home.folder);
}

/** A line in the incident's own log. */
export function noteIncident(home: Home, incident: string, now: Date, line: string): void {
  mkdirSync(home.incident(incident), { recursive: true });
  appendFileSync(`${home.incident(incident)}/rollback.log`, `${now.toISOString()} ${line}\n`);
}

/** `INC-YYYYMMDD-HHMMSS`, in UTC. */
const incidentAt = (now: Date): string =>
  now.toISOString().replace(/^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+).*$/, "INC-$1$2$3-$4$5$6");
