import type { Entry } from "../records/entry";
import { deployments, rollbacks, type Deployment, type RecordedRollback } from "../records/state";
import { describeChange, diffPinned } from "../release/diff";
import { objectiveOf } from "../release/objectives";
import { worstRisk } from "../release/risk";
import { exitCodes } from "./exit-codes";
import type { DeploymentJson, HistoryJson, HistoryLine } from "./json/history";
import { checkLines, coloured, duration } from "./report";
import { Refusal, type VerbResult } from "./result";
import { readStack, renamedStack, type FiledStack } from "./stack-file";
import type { Where } from "./stack";
import { counted } from "../release/text";

/** What of the history is asked for. */
export interface HistoryOptions {
  /** One entry in full, or two that are compared. */
  readonly entries: readonly string[];
  /** How many lines, the newest. */
  readonly limit: number;
}

/** `rewind history [entry] [other]`: who, when, why, from what to what, with which verdict; offline. */
export function history(where: Where, { entries: asked, limit }: HistoryOptions): VerbResult<HistoryJson> {
  const stack = readStack(where);
  const entries = stack.log.skim();
  const [first, second] = asked;
  if (first === undefined) return list(stack, entries, limit);
  if (second !== undefined) return compare(stack, entries, first, second);
  return showDeployment(stack, entries, deploymentOf(entries, first));
}

/** Every deployment of a log, oldest first. */
export function historyOf(entries: readonly Entry[], objective: number | undefined): HistoryLine[] {
  const runs = new Map<string, RecordedRollback>();
  for (const run of rollbacks(entries)) {
    if (run.ended?.deployment !== undefined) runs.set(run.ended.deployment, run);
  }
  return deployments(entries).map(({ intent, outcome }) => {
    const run = runs.get(intent.id);
    return {
      entry: intent.id,
      at: intent.at,
      by: intent.by,
      from: intent.from?.release ?? null,
      to: intent.to.release,
      pins: intent.to.pins,
      undoes: run?.begun.undoes ?? null,
      run: run?.begun.id ?? null,
      reason: run?.begun.reason ?? null,
      result: outcome?.result ?? "interrupted",
      milliseconds: run?.ended?.milliseconds ?? outcome?.milliseconds ?? null,
      objective: run === undefined ? null : (objective ?? null),
    };
  });
}

const colours = {
  passed: "green",
  failed: "red",
  inconclusive: "yellow",
  error: "magenta",
  interrupted: "yellow",
} as const;

function list(stack: FiledStack, entries: readonly Entry[], limit: number): VerbResult<HistoryJson> {
  const { name, settings } = stack;
  const all = historyOf(entries, objectiveOf(settings.objectives, "total"));
  const shown = all.slice(Math.max(0, all.length - limit)).reverse();
  const lines = shown.map(lineOf);
  const rest = all.length - shown.length;
  const last = rest > 0 ? [`${rest} older: rewind history --limit ${all.length}`] : [];
  const renamed = renamedStack(stack, entries);
  const none =
    renamed === undefined
      ? `Nothing was deployed to ${name} yet.\nNext: pulumi up`
      : `${renamed.evidence}.\nNext: ${renamed.next}; else pulumi up`;
  const text = all.length === 0 ? none : [...lines, ...last].join("\n");
  return { code: exitCodes.ok, text, json: { stack: name, total: all.length, deployments: shown } };
}

function lineOf({
  entry,
  at,
  by,
  from,
  to,
  pins,
  undoes,
  reason,
  result,
  milliseconds,
  objective,
}: HistoryLine): string {
  const apart = Object.entries(pins).map(([path, id]) => `${path}=${id}`);
  const took =
    milliseconds === null
      ? ""
      : `  ${duration(milliseconds)}${objective === null ? "" : milliseconds <= objective ? "" : `, over ${duration(objective)}`}`;
  const why = [
    ...(undoes === null ? [] : [`rollback of ${undoes}`]),
    ...(reason === null ? [] : [reason]),
    ...(apart.length === 0 ? [] : [`apart: ${apart.join(", ")}`]),
  ];
  const words = why.length === 0 ? "" : `\n    ${why.join("; ")}`;
  const pin = `${from ?? "nothing"} → ${to}`;
  return `${entry}  ${at.slice(0, 19)}Z  ${coloured(colours[result], result.padEnd(12))} ${coloured("bold", pin)}  ${by}${took}${words}`;
}

/** The deployment with an id, or with one that begins so. Throws a Refusal unless there is exactly one. */
export function deploymentOf(entries: readonly Entry[], id: string): Deployment {
  const all = deployments(entries);
  const found = all.filter(({ intent }) => intent.id === id || (id.length >= 8 && intent.id.startsWith(id)));
  const [only, other] = found;
  if (only !== undefined && other === undefined) return only;
  throw new Refusal(
    other === undefined ? `the deployment log has no deployment ${id}` : `${id} may be ${found.length} deployments`,
    "rewind history",
  );
}

/** One deployment in full. */
export function showDeployment(
  { name, settings }: FiledStack,
  entries: readonly Entry[],
  { intent, outcome }: Deployment,
): VerbResult<DeploymentJson> {
  const line = historyOf(entries, objectiveOf(settings.objectives, "total")).find(({ entry }) => entry === intent.id);
  if (line === undefined) throw new Error(`no line for ${intent.id}`);
  const { migrations = [], restorePoint, snapshot, to } = intent;
  const text = [
    lineOf(line),
    `Pin:       ${to.release} (deploys ${to.digest})`,
    `Declared:  ${to.surroundings}`,
    ...migrations.map(({ name, direction }) => `Migration: ${name} ${direction}`),
    ...(restorePoint === undefined
      ? []
      : [`Restore:   ${restorePoint} (rewind database recover --before ${intent.id} --into <folder>)`]),
    ...Object.entries(snapshot.tables ?? {}).map(
      ([table, { digest, count }]) => `Rows:      ${table}, ${count}, ${digest}`,
    ),
    ...Object.entries(snapshot.policies).map(([bucket, digest]) => `Policy:    ${bucket}, ${digest}`),
    ...(outcome === undefined ? ["No outcome: it was interrupted, or is under way."] : checkLines(outcome.checks)),
  ].join("\n");
  return { code: exitCodes.ok, text, json: { stack: name, ...line, intent, outcome: outcome ?? null } };
}

/** What two deployments pinned differently. */
function compare(
  { name, repinned, settings }: FiledStack,
  entries: readonly Entry[],
  a: string,
  b: string,
): VerbResult<HistoryJson> {
  const [before, after] = [deploymentOf(entries, a).intent, deploymentOf(entries, b).intent];
  const pinnedBy = ({ to: { release, pins } }: typeof before) => {
    const gone = [release, ...Object.values(pins)].find((id) => !settings.catalogue.includes(id));
    if (gone === undefined) return repinned(release, pins).pinned;
    throw new Refusal(`${gone} is not in the catalogue any more`, "put it back into the stack file or its archive");
  };
  const changes = diffPinned(pinnedBy(before), pinnedBy(after), settings.environment.database?.tables);
  const declared = before.to.surroundings !== after.to.surroundings;
  const lines = changes.flatMap((change) => describeChange(change).map((line) => `  [${change.risk}] ${line}`));
  const text = [
    `${before.id} (${before.to.release}) → ${after.id} (${after.to.release}): ${counted(changes.length, "change")}`,
    ...lines,
    ...(declared ? ["  The environment or the declared checks differ, too."] : []),
  ].join("\n");
  const risk = worstRisk(changes.map((change) => change.risk)) ?? null;
  return { code: exitCodes.ok, text, json: { stack: name, from: before.id, to: after.id, changes, risk, declared } };
}
