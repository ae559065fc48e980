import type { Entry } from "../records/entry";
import {
  deployments,
  holds,
  knownGood,
  lastVerified,
  stopped,
  unfinishedRollback,
  type RecordedRollback,
} from "../records/state";
import { canonicalJson } from "../release/canonical";
import type { Digest, ReleaseId } from "../release/primitives";
import { exitCodes } from "./exit-codes";
import type { KnownGoodJson, LogJson, Status } from "./json/history";
import { beforeUp } from "./next";
import { lastGood } from "./planning";
import { coloured, duration } from "./report";
import type { VerbResult } from "./result";
import { importedWords, readStack, renamedStack, type FiledStack } from "./stack-file";
import type { Where } from "./stack";
import { counted } from "../release/text";

/** A pin as it stands at one of its three places. */
interface Place {
  readonly release: ReleaseId;
  readonly digest: Digest;
  readonly pins: Readonly<Record<string, ReleaseId>>;
}

/** `rewind status`: pinned, applied, verified, and what stands in the way; offline, and it asks no component. */
export function status(where: Where): VerbResult<Status> {
  const stack = readStack(where);
  const entries = stack.log.skim();
  const renamed = renamedStack(stack, entries);
  const found = statusOf(stack, entries);
  const shown = renamed === undefined ? found : { ...found, next: `${renamed.next}; else ${found.next}` };
  const notes = [
    ...(stack.environments.length === 0 ? [] : [`Stack file: ${importedWords(stack.environments)}`]),
    ...(renamed === undefined ? [] : [coloured("yellow", `Log:        ${renamed.evidence}`)]),
  ];
  return { code: exitCodes.ok, text: textOf(shown, notes), json: shown };
}

function statusOf({ name, settings }: FiledStack, entries: readonly Entry[]): Status {
  const last = deployments(entries).at(-1);
  const good = lastVerified(entries);
  const stop = stopped(entries);
  const open = unfinishedRollback(entries);
  const { pinned, pins, environment } = settings;
  const place = ({ release, digest, pins }: Place): Place => ({ release, digest, pins });
  const common: Omit<Status, "next"> = {
    stack: name,
    kind: environment.kind,
    pinned: place({ ...pinned, pins }),
    applied:
      last === undefined
        ? null
        : {
            ...place(last.intent.to),
            entry: last.intent.id,
            at: last.intent.at,
            by: last.intent.by,
            result: last.outcome?.result ?? "interrupted",
          },
    verified:
      good === undefined
        ? null
        : { ...place(good.intent.to), entry: good.intent.id, at: good.outcome?.at ?? good.intent.at },
    stopped: stop === undefined ? null : { by: stop.by, at: stop.at, reason: stop.reason },
    rollback: open === undefined ? null : rollbackOf(open),
    held: Object.fromEntries([...holds(entries)].map(([release, { reason }]) => [release, reason])),
    knownGood: knownGood(entries).map(({ release }) => release),
  };
  return { ...common, next: nextOf(common, { settings, entries }) };
}

function rollbackOf({ begun: { id, to, by, at }, ended }: RecordedRollback): NonNullable<Status["rollback"]> {
  return { run: id, to, by, at, unfinished: ended === undefined ? null : (ended.reason ?? "it ended unfinished") };
}

function nextOf(
  { pinned, applied, verified, rollback }: Omit<Status, "next">,
  state: Parameters<typeof beforeUp>[0],
): string {
  const same = (a: Place, b: Place): boolean =>
    a.digest === b.digest && canonicalJson(a.pins) === canonicalJson(b.pins);
  if (rollback !== null) {
    return `rewind resume, or rewind abort${rollback.unfinished === null ? "; while it still works, wait" : ""}`;
  }
  const first = beforeUp(state);
  if (first !== undefined) return first;
  if (applied === null) return "pulumi up, nothing was applied yet";
  if (!same(pinned, applied)) return "pulumi preview --diff, then pulumi up: the pin is not what was applied";
  if (applied.result !== "passed") {
    return `pulumi up, which finishes and verifies it${lastGood(state) === undefined ? "" : "; or rewind rollback"}`;
  }
  return verified !== null && same(applied, verified) ? "rewind verify, which asks what runs" : "pulumi up";
}

function textOf(
  { stack, kind, pinned, applied, verified, stopped, rollback, held, knownGood, next }: Status,
  notes: readonly string[],
): string {
  const place = ({ release, digest, pins }: Place): string => {
    const apart = Object.entries(pins).map(([path, id]) => `${path}=${id}`);
    return `${coloured("bold", release)} (deploys ${digest.slice(0, 19)}…)${apart.length === 0 ? "" : ` apart ${apart.join(", ")}`}`;
  };
  const ended = applied === null ? "" : applied.result === "passed" ? "" : coloured("red", ` ${applied.result}`);
  return [
    `Stack ${stack}, ${kind}`,
    `Pinned:     ${place(pinned)}`,
    `Applied:    ${applied === null ? "nothing" : `${place(applied)} ${applied.at} by ${applied.by}${ended}`}`,
    `Verified:   ${verified === null ? "nothing" : `${place(verified)} ${verified.at}`}`,
    `Known good: ${knownGood.join(", ") || "none"}`,
    ...Object.entries(held).map(([release, reason]) => coloured("red", `On hold:    ${release}: ${reason}`)),
    ...(stopped === null ? [] : [coloured("red", `Stopped:    ${stopped.at} by ${stopped.by}: ${stopped.reason}`)]),
    ...(rollback === null ? [] : [coloured("yellow", `${rollbackWords(rollback)} by ${rollback.by}`)]),
    ...notes,
    `Next: ${next}`,
  ].join("\n");
}

function rollbackWords({ to, at, unfinished }: NonNullable<Status["rollback"]>): string {
  return unfinished === null
    ? `Under way:  rollback to ${to} since ${at}`
    : `Unfinished: rollback to ${to} of ${at} (${unfinished})`;
}

/** `rewind known-good`: the releases that passed verification on this stack and are not on hold. */
export function listKnownGood(where: Where): VerbResult<KnownGoodJson> {
  const { name, settings, log } = readStack(where);
  const good = knownGood(log.skim()).map((known) => ({
    ...known,
    inCatalogue: settings.catalogue.includes(known.release),
  }));
  const lines = good.map(({ release, at, times, entry, inCatalogue }) => {
    const gone = inCatalogue ? "" : coloured("yellow", "  not in the catalogue any more");
    return `${coloured("bold", release)}  passed ${times === 1 ? "once" : `${times} times`}, last ${at}  ${entry}${gone}`;
  });
  const text =
    lines.length === 0 ? `No release has passed verification on ${name} yet.\nNext: pulumi up` : lines.join("\n");
  return { code: exitCodes.ok, text, json: { stack: name, knownGood: good } };
}

/** `rewind log`: the deployment log, entry by entry. */
export function showLog(where: Where, limit: number): VerbResult<LogJson> {
  const { name, log } = readStack(where);
  const entries = log.entries();
  const shown = entries.slice(Math.max(0, entries.length - limit));
  const lines = shown.map((entry) => `${entry.id}  ${entry.at}  ${entry.by}  ${wordsOf(entry)}`);
  return {
    code: exitCodes.ok,
    text: [...lines, `${log.location}, ${counted(entries.length, "entry")}`].join("\n"),
    json: { stack: name, location: log.location, total: entries.length, entries: shown },
  };
}

function wordsOf(entry: ReturnType<ReturnType<typeof readStack>["log"]["entries"]>[number]): string {
  switch (entry.kind) {
    case "intent":
      return `intent: ${entry.from?.release ?? "nothing"} → ${entry.to.release}`;
    case "outcome":
      return `outcome of ${entry.of}: ${entry.result}, ${duration(entry.milliseconds)}`;
    case "hold":
    case "unhold":
      return `${entry.kind} ${entry.release}: ${entry.reason}`;
    case "stop":
    case "start":
      return `${entry.kind}: ${entry.reason}`;
    case "toggle":
      return `toggle ${entry.toggle} = ${String(entry.value ?? "as the release says")}: ${entry.reason}`;
    case "rotation":
      return `rotation of ${entry.identity} ${entry.step}: ${entry.reason}`;
    case "audit":
      return `${entry.act}: ${entry.what}`;
    case "data":
      return `data ${entry.act} ${entry.table} ${entry.step}: ${counted(entry.count, "row")}`;
    case "rollback":
      return `rollback begun: ${entry.from} → ${entry.to}, ${entry.level}${entry.reason === undefined ? "" : `: ${entry.reason}`}`;
    case "escalation":
      return `escalation of ${entry.of}: ${entry.trigger}: ${entry.evidence}`;
    case "approval":
      return `approved: ${entry.from} → ${entry.to}, ${entry.level}, plan ${entry.plan.slice(0, 19)}…`;
    case "request":
      return `requested: ${entry.act}`;
    case "request-approval":
      return `approved: the request ${entry.of}`;
    case "answer":
      return `answer to ${entry.question} of ${entry.of}: ${entry.yes ? "yes" : "no"}${entry.note === undefined ? "" : `: ${entry.note}`}`;
    case "backup":
      return entry.act === "made"
        ? `backup ${entry.backup} made, manifest ${entry.manifest.slice(0, 19)}…`
        : `backup ${entry.backup} used without proof of who made it: ${entry.verb ?? "unknown"}`;
    case "rollback-end":
      return `rollback ${entry.of} ended: ${entry.result}, ${duration(entry.milliseconds)}`;
  }
}
