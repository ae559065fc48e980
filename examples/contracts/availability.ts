import { setTimeout as sleep } from "node:timers/promises";
import { networks } from "./fleet";
import { backendOf, storeOf, type Home } from "./home";
import { DeploymentRecord } from "./record";

/** How available the records were to somebody who read all the time. */
export interface Availability {
  readonly reads: number;
  readonly failed: number;
  /** How long it was watched, in milliseconds. */
  readonly watched: number;
  /** How long no read succeeded, all such times together, in milliseconds. */
  readonly out: number;
  /** The slowest read that succeeded, in milliseconds. */
  readonly slowest: number;
  /** Why reads failed, each reason once. */
  readonly reasons: readonly string[];
}

/**
 * Reads one record after the other from the backend that is in use at that moment, as whoever deploys does, until it is
 * told to end.
 */
export async function watch(home: Home, env: NodeJS.ProcessEnv, until: AbortSignal): Promise<Availability> {
  const all = networks.flatMap(({ name, contracts }) => contracts.map((contract) => ({ name, contract })));
  const began = performance.now();
  let [reads, failed, out, slowest] = [0, 0, 0, 0];
  let outSince: number | undefined;
  const reasons = new Set<string>();
  while (!until.aborted || reads === 0) {
    const { name, contract } = all[reads % all.length] ?? { name: "", contract: "" };
    const asked = performance.now();
    reads += 1;
    try {
      DeploymentRecord.parse(await storeOf(home, backendOf(home, env)).collection(name).get(contract));
      const answered = performance.now();
      slowest = Math.max(slowest, answered - asked);
      out += answered - (outSince ?? answered);
      outSince = undefined;
    } catch (error) {
      failed += 1;
      outSince ??= asked;
      reasons.add(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
    }
    await sleep(1);
  }
  const ended = performance.now();
  return {
    reads,
    failed,
    watched: ended - began,
    out: out + ended - (outSince ?? ended),
    slowest,
    reasons: [...reasons],
  };
}

/** What the plan asks for. */
export const wanted = 99.9;

/** How many of a hundred reads succeeded. */
export const percentOf = ({ reads, failed }: Availability): number => ((reads - failed) / reads) * 100;

/** In one line, for people. */
export function lineOfAvailability(found: Availability): string {
  const { reads, failed, watched, out, slowest, reasons } = found;
  // Never rounded up: 99.96 % of the reads are not all of them.
  const percent = Math.floor(percentOf(found) * 100) / 100;
  const times = `out for ${Math.round(out)} of ${Math.round(watched)} ms, slowest read ${Math.round(slowest)} ms`;
  const why = reasons.length > 0 ? `: ${reasons.slice(0, 3).join("; ")}` : "";
  return `${percent} % of ${reads} reads (${failed} failed, ${times}; ${wanted} % is asked)${why}`;
}
