import { writeFileSync } from "node:fs";
import { withPin } from "../../project/pin";
import { readStack } from "../../cli/stack-file";
import { recordsOf } from "../../release/records";
import { snapshotOf, surroundingsOf } from "../../release/snapshot";
import type { Check } from "../../release/verdict";
import type { Copy } from "./project";

/** Writes the intent of a release into the log of a copy, as the gates would. Returns its id. */
export function intend({ where }: Copy, release: string): string {
  const { settings, log } = readStack(where);
  return log.append({
    kind: "intent",
    to: { release, digest: settings.pinned.digest, pins: {}, surroundings: surroundingsOf(settings) },
    snapshot: snapshotOf(settings),
    records: recordsOf(settings),
  }).id;
}

/** How a deployment ended. */
interface Ending {
  readonly result?: "passed" | "failed";
  readonly checks?: readonly Check[];
  readonly milliseconds?: number;
}

/** Pins a release in a copy and writes its deployment into the log, as the gates would. Returns the intent's id. */
export function deploy(
  copy: Copy,
  release: string,
  { result = "passed", checks = [], milliseconds = 60_000 }: Ending = {},
): string {
  writeFileSync(copy.file, withPin(copy.text(), release, {}));
  const of = intend(copy, release);
  readStack(copy.where).log.append({ kind: "outcome", of, result, checks, milliseconds });
  return of;
}

/** The beginning of a rollback from v1.2.1, as `rewind` would write it. */
export function rollbackBegun(to: string, runner: { readonly host: string; readonly pid: number }) {
  const pin = { release: "v1.2.1", pins: {} };
  const plan = `sha256:${"a".repeat(64)}`;
  return { kind: "rollback", from: "v1.2.1", to, level: "full", plan, before: pin, ran: pin, runner } as const;
}
