import { shortened } from "../release/text";
import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetPublicAccessBlockCommand,
  type LifecycleRule,
  type S3Client,
} from "@aws-sdk/client-s3";
import { encryptionOf, lifecycleOf, publicAccessIsBlocked, type Rule } from "../release/bucket-settings";
import { canonicalJson } from "../release/canonical";
import type { Bucket } from "../release/schema/storage";
import type { Measurement } from "./probe";

/** Whether a bucket on AWS is closed, encrypted and cleaned up as the pin says, read back from AWS itself. */
export async function measureBucketSettings(
  store: S3Client,
  bucket: string,
  pin: Pick<Bucket, "publicAccessBlock" | "encryption" | "lifecycle">,
  keys: Readonly<Record<string, string>>,
  abortSignal: AbortSignal,
): Promise<Measurement> {
  const within = { abortSignal };
  const named = { Bucket: bucket };
  const [access, encryption, lifecycle] = await Promise.all([
    orNothing(store.send(new GetPublicAccessBlockCommand(named), within)),
    orNothing(store.send(new GetBucketEncryptionCommand(named), within)),
    orNothing(store.send(new GetBucketLifecycleConfigurationCommand(named), within)),
  ]);
  const { BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets } =
    access.PublicAccessBlockConfiguration ?? {};
  const [rule] = encryption.ServerSideEncryptionConfiguration?.Rules ?? [];
  const { SSEAlgorithm, KMSMasterKeyID } = rule?.ApplyServerSideEncryptionByDefault ?? {};
  const wanted = encryptionOf(pin, keys);
  const blocked = publicAccessIsBlocked(pin);
  const flags = [BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets];
  const differences = [
    ...(flags.every((flag) => (flag ?? false) === blocked)
      ? []
      : [`public access is ${flags.every(Boolean) ? "blocked" : "not blocked"}`]),
    ...(SSEAlgorithm === wanted.algorithm && (wanted.key === undefined || KMSMasterKeyID === wanted.key)
      ? []
      : [`encryption is ${SSEAlgorithm ?? "none"}${KMSMasterKeyID === undefined ? "" : ` with ${KMSMasterKeyID}`}`]),
    ...lifecycleDifference(lifecycle.Rules ?? [], lifecycleOf(pin)),
  ];
  return differences.length === 0
    ? { result: "passed", evidence: `${bucket} is closed, encrypted and cleaned up as pinned` }
    : { result: "failed", evidence: `${bucket}: ${differences.join("; ")}, which is not what is pinned` };
}

function lifecycleDifference(live: readonly LifecycleRule[], wanted: readonly Rule[]): string[] {
  const found = live.map((rule) => ({
    id: rule.ID,
    status: rule.Status,
    prefix: rule.Filter?.Prefix ?? rule.Filter?.And?.Prefix ?? "",
    expire: rule.Expiration?.Days,
    expireOldVersions: rule.NoncurrentVersionExpiration?.NoncurrentDays,
    abortUploads: rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation,
    transitions: (rule.Transitions ?? []).map(({ Days, StorageClass }) => ({ days: Days ?? 0, to: StorageClass })),
  }));
  return inOrder(found) === inOrder(wanted) ? [] : [`lifecycle is ${shortened(inOrder(found))}`];
}

/** Rules have no order; what is undefined is not there. */
const inOrder = (rules: readonly { readonly id?: string | undefined }[]): string =>
  canonicalJson((JSON.parse(JSON.stringify(rules)) as { id: string }[]).sort((a, b) => (a.id < b.id ? -1 : 1)));

/** What a setting that nobody made answers with. */
async function orNothing<T>(asked: Promise<T>): Promise<Partial<T>> {
  try {
    return await asked;
  } catch (error) {
    const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
    if ($metadata?.httpStatusCode === 404 && name !== "NoSuchBucket") return {};
    throw error;
  }
}
