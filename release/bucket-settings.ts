import type { Bucket, LifecycleRule } from "./schema/storage";

/** Whether nothing can open a bucket to everybody. What no release says is as AWS has it for a new bucket: blocked. */
export const publicAccessIsBlocked = ({ publicAccessBlock }: Pick<Bucket, "publicAccessBlock">): boolean =>
  publicAccessBlock ?? true;

/** With what a bucket is encrypted, AES256 unless a release says otherwise; the key as the environment calls it. */
export function encryptionOf(
  { encryption }: Pick<Bucket, "encryption">,
  keys: Readonly<Record<string, string>>,
): { readonly algorithm: "AES256" | "aws:kms"; readonly key: string | undefined } {
  const key = encryption?.key === undefined ? undefined : keys[encryption.key];
  return { algorithm: encryption?.algorithm ?? "AES256", key };
}

/** A rule of a bucket's lifecycle, in full. */
export interface Rule extends Omit<LifecycleRule, "prefix" | "transitions"> {
  readonly status: "Enabled" | "Disabled";
  readonly prefix: string;
  readonly transitions: NonNullable<LifecycleRule["transitions"]>;
}

/** The rules of a bucket's lifecycle; where a release has none, one that does nothing stands in their place. */
export function lifecycleOf({ lifecycle }: Pick<Bucket, "lifecycle">): Rule[] {
  if (lifecycle === undefined) {
    return [{ id: "none", status: "Disabled", prefix: "", abortUploads: 7, transitions: [] }];
  }
  return lifecycle.map((rule) => ({
    ...rule,
    status: "Enabled",
    prefix: rule.prefix ?? "",
    transitions: rule.transitions ?? [],
  }));
}
