import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { writeNew } from "../records/atomic-file";
import type { Level } from "../release/level";
import type { ReleaseId } from "../release/primitives";
import { EngineError } from "./engine-reason";
import { exitCodes } from "./exit-codes";
import type { PreviewJson } from "./json/rollback";
import { withPin } from "../project/pin";
import { defaultTarget, planRollback } from "./planning";
import { Refusal, type Tell, type VerbResult } from "./result";
import { planningOf } from "./rollback-plan";
import { open, type Where } from "./stack";

/** `rewind preview [release]`: the engine's own difference for a rollback, on a copy of the stack file. */
export async function preview(
  where: Where,
  wanted: ReleaseId | undefined,
  level: Level,
  { tell, signal }: { readonly tell: Tell; readonly signal: AbortSignal },
): Promise<VerbResult<PreviewJson>> {
  const stack = await open(where);
  const planning = planningOf(stack);
  const release = wanted ?? defaultTarget(planning);
  const { plan } = planRollback(planning, release, level);
  const folder = mkdtempSync(join(tmpdir(), "rewind-preview-"));
  try {
    const configFile = join(folder, basename(stack.file));
    writeNew(configFile, withPin(readFileSync(stack.file, "utf8"), plan.to.release, plan.to.pins));
    const onOutput = (text: string): void => {
      tell(text.trimEnd());
    };
    const counts = await stack.engine.preview({ configFile, onOutput, signal });
    const words = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
    return {
      code: exitCodes.ok,
      text: `${plan.from.release} → ${plan.to.release}: ${words.join(", ")}\nNext: rewind rollback ${plan.to.release}`,
      json: { stack: plan.stack, from: plan.from.release, to: plan.to.release, level, resources: counts },
    };
  } catch (error) {
    if (error instanceof EngineError) throw new Refusal(error.message, error.next ?? `rewind why-not ${release}`);
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
