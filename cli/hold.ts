import type { Hold } from "../records/entry";
import { holds } from "../records/state";
import { contentIn } from "../release/records";
import { exitCodes } from "./exit-codes";
import type { HoldJson } from "./json/entry";
import { Refusal, type VerbResult } from "./result";
import { open, type Where } from "./stack";

/** `rewind hold` and `rewind unhold`: no gate lets a held release through, plain `pulumi up` included. */
export async function hold(
  where: Where,
  kind: "hold" | "unhold",
  release: string,
  reason: string,
): Promise<VerbResult<HoldJson>> {
  const { settings, log } = await open(where);
  const { catalogue, releases } = settings;
  if (!catalogue.includes(release)) {
    throw new Refusal(`no release ${release}; the catalogue has ${catalogue.join(", ")}`, "rewind release list");
  }
  const held = holds(log.entries()).has(release);
  if (kind === "unhold" && !held) throw new Refusal(`${release} is not on hold`, "rewind verify");
  const content = kind === "hold" ? contentIn(releases, release) : {};
  const entry = log.append({ kind, release, reason, ...content }) as Hold;
  const text = kind === "hold" ? `${release} is on hold: ${reason}` : `${release} may be applied again: ${reason}`;
  return { code: exitCodes.ok, text: `${text}\ndeployment log: ${log.location} entry ${entry.id}`, json: entry };
}
