import * as pulumi from "@pulumi/pulumi";
import type { Entry } from "../records/entry";
import { appliedRecords, describeStop, holdingsBefore, openRollback, stopped } from "../records/state";
import { describeLoss, isProtected, letGoOf, lossesOf } from "../release/holdings";
import type { Settings } from "../release/parse";
import { changedRecords, describeRecord } from "../release/records";

/**
 * Refuses an update, and a preview, that would lose customer data or that pins a release which is not any more what was
 * applied under its id. It comes before the first resource is declared.
 * @throws pulumi.RunError with every reason and what to do
 */
export function refuseLosses(settings: Settings, entries: readonly Entry[]): void {
  const reasons = [
    ...lossesOf(settings, holdingsBefore(entries)).map(describeLoss),
    ...changedRecords(settings, appliedRecords(entries)).map(describeRecord),
  ];
  if (reasons.length === 0) return;
  const lines = reasons.map((reason) => `  ${reason}`);
  throw new pulumi.RunError(["Refused before the first change; nothing was touched.", ...lines].join("\n"));
}

/**
 * Refuses an update while the stack is stopped; a preview changes nothing and goes on.
 * @param rollback the rollback by `rewind` that this update belongs to: it is what a stop waits for
 * @throws pulumi.RunError with who stopped it, and why
 */
export function refuseWhileStopped(entries: readonly Entry[], rollback: string | undefined, preview: boolean): void {
  const stop = stopped(entries);
  if (stop === undefined) return;
  const words = describeStop(stop);
  if (preview) void pulumi.log.warn(words);
  else if (rollback === undefined || openRollback(entries)?.id !== rollback) {
    throw new pulumi.RunError(
      `Refused before the first change; nothing was touched.\n  ${words}\nNext: rewind rollback, or rewind start --reason "…" when it is over`,
    );
  }
}

/**
 * The options of a resource that holds customer data: the engine neither deletes nor replaces it, and when it is let go
 * forgets it and leaves the real thing where it is.
 */
export function kept(
  settings: Settings,
  path: string,
): { readonly protect: boolean; readonly retainOnDelete: boolean } {
  const protect = isProtected(settings.environment);
  return { protect: protect && letGoOf(settings, path) === undefined, retainOnDelete: protect };
}

/** What stands around something that is let go (a bucket's policy, a database's roles) is left as it is, too. */
export function leaveWhatIsLetGo(settings: Settings): void {
  const paths = Object.keys(settings.letGo ?? {});
  if (paths.length === 0) return;
  const buckets = paths.flatMap((path) => (path.startsWith("storage/") ? [path.slice("storage/".length)] : []));
  const database = paths.includes("database");
  pulumi.runtime.registerStackTransformation(({ type, name, props, opts }) => {
    const ofBucket = type.startsWith("aws:s3") && buckets.some((each) => name === each || name.startsWith(`${each}-`));
    const ofDatabase = database && type.startsWith("postgresql:");
    return ofBucket || ofDatabase ? { props, opts: { ...opts, retainOnDelete: true } } : undefined;
  });
}
