import { describeError } from "../checks/probe";
import type { Draft } from "../records/log";
import { redactor } from "../release/redact";
import { Unsure } from "./data-archive";
import { Refusal } from "./result";
import type { OpenedStack } from "./stack";

type Step = Extract<Draft, { kind: "data" }>;

/**
 * Runs what an entry of the log has announced, and writes what became of it.
 * @param next what to type when nothing was touched
 * @throws Refusal when it was rolled back
 */
export async function recorded(
  { log, engine, secrets }: OpenedStack,
  change: Omit<Step, "step" | "id">,
  next: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const unsure = error instanceof Unsure;
    const reason = redactor(secrets)(describeError(error));
    log.append({ ...change, step: unsure ? "unknown" : "failed", reason });
    if (unsure) {
      throw new Refusal(
        `${reason}; it happened as a whole or not at all`,
        `rewind data list ${change.table} --stack ${engine.name}, which tells whether the rows are there`,
      );
    }
    throw new Refusal(`${reason}; nothing was touched`, next);
  }
  log.append({ ...change, step: "finished" });
}
