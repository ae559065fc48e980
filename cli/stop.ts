import type { Stop } from "../records/entry";
import { stopped } from "../records/state";
import { exitCodes } from "./exit-codes";
import type { StopJson } from "./json/entry";
import { Refusal, type VerbResult } from "./result";
import { readStack } from "./stack-file";
import type { Where } from "./stack";

/**
 * `rewind stop` and `rewind start`: while a stack is stopped no gate lets a change through, plain `pulumi up` included;
 * only a rollback by `rewind` passes, and lifts the stop once it is verified. Needs no engine.
 * @throws Refusal when the stack is stopped already, or is not
 */
export function stop(where: Where, kind: "stop" | "start", reason: string): VerbResult<StopJson> {
  const { log, name } = readStack(where);
  const before = stopped(log.entries());
  if (kind === "stop" && before !== undefined) {
    throw new Refusal(
      `${name} was stopped by ${before.by} at ${before.at}: ${before.reason}`,
      'rewind start --reason "…", when it is over',
    );
  }
  if (kind === "start" && before === undefined) throw new Refusal(`${name} is not stopped`, "rewind status");
  const entry = log.append({ kind, reason }) as Stop;
  const headline =
    kind === "stop"
      ? `${name} is stopped: ${reason}\nNothing changes it but rewind rollback; rewind start ends it.`
      : `${name} may change again: ${reason}`;
  return { code: exitCodes.ok, text: `${headline}\ndeployment log: ${log.location} entry ${entry.id}`, json: entry };
}
