import { probesOfDrift, timingOfDrift } from "../checks/drift";
import { runProbes } from "../checks/probe";
import { deployments } from "../records/state";
import { surroundingsOf } from "../release/snapshot";
import { failures, judge } from "../release/verdict";
import { exitCodeOf, exitCodes } from "./exit-codes";
import type { Drift } from "./json/diff";
import { checkLines, coloured } from "./report";
import { Refusal, type VerbResult } from "./result";
import { containersOf, open, withClients, type Where } from "./stack";
import { counted } from "../release/text";

/**
 * `rewind diff --live`: what runs against what was applied last, whatever the stack file says now. Nothing is changed.
 * @throws Refusal when nothing was applied yet, or its release is not in the catalogue any more
 */
export async function drift(where: Where): Promise<VerbResult<Drift>> {
  const stack = await open(where);
  const last = deployments(stack.log.entries()).at(-1);
  if (last === undefined) throw new Refusal("nothing was applied to this stack yet, as its log says", "pulumi up");
  const { to, id, at } = last.intent;
  if (!stack.settings.catalogue.includes(to.release)) {
    throw new Refusal(
      `the log says that ${to.release} was applied; the catalogue has it no more`,
      "rewind release list",
    );
  }
  const settings = stack.repinned(to.release, to.pins);
  const containers = containersOf(await stack.engine.outputs());
  const checks = await withClients({ ...stack, settings }, (clients, redact) =>
    runProbes(probesOfDrift(settings, clients, containers), timingOfDrift, redact),
  );
  const verdict = judge(checks);
  const notes = [
    ...(surroundingsOf(settings) === to.surroundings
      ? []
      : ["the environment or its checks were edited since, and not applied yet"]),
    ...(settings.pinned.digest === to.digest ? [] : [`${to.release} is not any more what was applied`]),
    ...(last.outcome?.result === "passed" ? [] : ["the last update did not pass verification"]),
  ];
  const drifted = checks.filter(({ result }) => result === "failed").length;
  const applied = { release: to.release, digest: to.digest, entry: id, at };
  const found: Drift = { stack: stack.engine.name, applied, drifted, checks, notes };
  // A probe that broke says nothing of drift, but where one found some, that is the answer.
  const code = drifted > 0 ? exitCodes.drifted : exitCodeOf[verdict.result];
  return { code, text: textOf(found), json: found };
}

function textOf({ stack, applied, drifted, checks, notes }: Drift): string {
  const told = drifted > 0 ? coloured("red", `${drifted} of ${checks.length} drifted`) : undefined;
  const broken = failures({ result: "error", checks }).length;
  const rest = broken > 0 ? `${counted(broken, "check")} did not answer` : "No drift: everything is as it was applied.";
  return [
    coloured("bold", `What runs on ${stack} against ${applied.release}, applied ${applied.at}`),
    ...checkLines(checks),
    ...notes.map((note) => coloured("yellow", `Note: ${note}`)),
    told ?? rest,
    ...(drifted > 0 ? ["Next: put it back, or pulumi refresh and pulumi up to apply the pin again."] : []),
  ].join("\n");
}
