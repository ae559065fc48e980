import { probesAfter, timingAfter } from "../checks/after";
import { runProbes } from "../checks/probe";
import { pinnedSince } from "../records/state";
import { judge, type Verdict } from "../release/verdict";
import type { ChangeCounts } from "./engine";
import { EngineError } from "./engine-reason";
import { exitCodeOf, exitCodes, type ExitCode } from "./exit-codes";
import type { Verification } from "./json/rollback";
import { checkLines } from "./report";
import type { VerbResult } from "./result";
import { beforeUp } from "./next";
import { lastGood } from "./planning";
import { containersOf, open, withClients, type OpenedStack, type Where } from "./stack";
import { counted } from "../release/text";

/** `rewind verify`: every check against what runs, and what the engine would change. Nothing is changed. */
export async function verify(where: Where): Promise<VerbResult<Verification>> {
  const stack = await open(where);
  const found = await verifyStack(stack);
  const next = nextOf(found, stack);
  return { code: codeOf(found), text: textOf(found, next), json: next === undefined ? found : { ...found, next } };
}

/** Asks everything that verification asks after an update. */
export async function measureStack(stack: OpenedStack): Promise<Verdict> {
  const { settings, engine, log } = stack;
  const containers = containersOf(await engine.outputs());
  const checks = await withClients(stack, (clients, redact) =>
    runProbes(probesAfter(settings, clients, containers, pinnedSince(log.entries())), timingAfter(settings), redact),
  );
  return judge(checks);
}

/** Asks everything that verification asks after an update, and the engine for what differs from the pin. */
export async function verifyStack(stack: OpenedStack): Promise<Verification> {
  const { settings, engine } = stack;
  const verdict = await measureStack(stack);
  const preview = await previewOf(stack);
  return {
    stack: engine.name,
    release: settings.pinned.release,
    digest: settings.pinned.digest,
    verdict,
    ...preview,
    outcome: outcomeOf(verdict, preview.changes),
  };
}

async function previewOf({ engine }: OpenedStack): Promise<Pick<Verification, "changes" | "refused" | "next">> {
  try {
    return { changes: await engine.preview() };
  } catch (error) {
    if (error instanceof EngineError)
      return { changes: undefined, refused: error.message, ...(error.next === undefined ? {} : { next: error.next }) };
    throw error;
  }
}

function outcomeOf({ result }: Verdict, changes: ChangeCounts | undefined): Verification["outcome"] {
  if (result === "failed" || result === "error") return "verification failed";
  if (result === "inconclusive" || changes === undefined) return "inconclusive";
  return countOf(changes) === 0 ? "rollback not required" : "not applied";
}

/** How many resources would change. */
function countOf(changes: ChangeCounts): number {
  return Object.entries(changes).reduce((sum, [kind, count]) => sum + (kind === "same" ? 0 : count), 0);
}

function codeOf({ outcome, verdict }: Verification): ExitCode {
  if (outcome === "not applied") return exitCodes.verificationFailed;
  return outcome === "inconclusive" ? exitCodes.inconclusive : exitCodeOf[verdict.result];
}

/** What to type after a verdict; undefined where there is nothing to do. */
function nextOf({ outcome, refused, verdict, next }: Verification, { settings, log }: OpenedStack): string | undefined {
  const state = { settings, entries: log.entries() };
  const before = beforeUp(state);
  switch (outcome) {
    case "rollback not required":
      return undefined;
    case "not applied":
      return before ?? "pulumi up, the stack does not run its pin yet";
    case "verification failed":
      if (before !== undefined) return before;
      // Nothing was found wrong with the release: what was asked does not answer, and it would not answer another release either.
      if (verdict.checks.every(({ result }) => result !== "failed"))
        return "rewind doctor; rewind verify when all that is named answers";
      return `${lastGood(state) === undefined ? "" : "rewind rollback, or "}pulumi up when the cause is gone`;
    case "inconclusive":
      if (refused === undefined) return "declare checks under rewind:verification";
      return before ?? next ?? "pulumi preview, which says why it is refused";
  }
}

function textOf(
  { stack, release, digest, verdict, changes, refused, outcome }: Verification,
  next: string | undefined,
): string {
  const passed = verdict.checks.filter(({ result }) => result === "passed").length;
  const pending = changes === undefined ? "preview refused" : counted(countOf(changes), "change");
  return [
    `Stack ${stack}, release ${release} (deploys ${digest.slice(0, 19)}…)`,
    ...checkLines(verdict.checks),
    `${passed} of ${verdict.checks.length} checks passed, ${pending}: ${outcome}`,
    ...(refused === undefined ? [] : [refused]),
    ...(next === undefined ? [] : [`Next: ${next}`]),
  ].join("\n");
}
