import { keptAt, readKept } from "./restore-write";
import type { Backup } from "../recovery/backups/read";
import type { Settings } from "../release/parse";
import { everybodyOnlyReads, policiesFit } from "../release/rules/policy-bounds";
import { nobodyIsLockedOut } from "../release/rules/storage";
import { Policy } from "../release/schema/policy";
import type { Bucket } from "../release/schema/storage";
import { listed } from "./backup-proof";
import { Refusal } from "./result";

/** The policies that a backup keeps, by bucket; null where one had none. */
export function policiesIn(backup: Backup): Record<string, unknown> {
  const file = keptAt(backup, "policies/policies.json");
  const kept: unknown = file === undefined ? {} : JSON.parse(readKept(backup, file).toString("utf8"));
  if (typeof kept === "object" && kept !== null && !Array.isArray(kept)) return kept as Record<string, unknown>;
  throw new Error("policies/policies.json does not hold policies by bucket");
}

/**
 * Refuses policies that no release could pin: one that lets everybody write, or read where the release does not say why,
 * or that locks the stack out.
 * @throws Refusal
 */
export function refusePolicies(settings: Settings, backup: Backup): void {
  const problems = Object.entries(policiesIn(backup)).flatMap(([name, policy]) =>
    policy === null ? [] : problemsOfPolicy(settings, name, policy),
  );
  if (problems.length === 0) return;
  throw new Refusal(
    `${backup.id} holds policies that no release may have: ${listed(problems)}; nothing was touched`,
    "--part, without policies; pulumi up puts those of the release back",
  );
}

function problemsOfPolicy(settings: Settings, name: string, policy: unknown): string[] {
  const bucket = settings.environment.objectStore?.buckets[name];
  if (bucket === undefined) return [`the environment has no bucket ${name}`];
  const parsed = Policy.safeParse(asPinned(policy, bucket));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return [`${name}: ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "no policy"}`];
  }
  const { release, facets } = settings.pinned;
  const pin: Bucket = { ...facets.storage[name], policy: parsed.data };
  const own = settings.releases.get(release);
  if (own === undefined) return [];
  const judged = { ...settings, releases: new Map([[release, { ...own, storage: { [name]: pin } }]]) };
  return [everybodyOnlyReads, policiesFit, nobodyIsLockedOut].flatMap((rule) =>
    rule(judged).map(({ path, message }) => `${path.replace(/^.*?storage/, "storage")}: ${message}`),
  );
}

/** A policy as a release would have it: a store keeps it with the bucket's own name. */
function asPinned(policy: unknown, bucket: string): unknown {
  const own = `arn:aws:s3:::${bucket}`;
  return JSON.parse(JSON.stringify(policy), (_, value: unknown) =>
    typeof value === "string" && (value === own || value.startsWith(`${own}/`))
      ? `arn:aws:s3:::\${bucket}${value.slice(own.length)}`
      : value,
  );
}
