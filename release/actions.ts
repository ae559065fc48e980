/** What an action of S3 does: to objects or to the bucket, and whether anybody could be let do it. */
export interface ActionKind {
  readonly on: "object" | "bucket";
  /** `administer` changes what others may do, or what the bucket is. */
  readonly does: "read" | "list" | "write" | "administer";
}

const named = (on: ActionKind["on"], does: ActionKind["does"], names: string): [string, ActionKind][] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => [`s3:${name}`, { on, does }]);

/** The actions that a bucket policy can name, as the vendor's Service Authorization Reference lists them. */
export const actions: ReadonlyMap<string, ActionKind> = new Map([
  ...named(
    "object",
    "read",
    `GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention GetObjectTagging GetObjectTorrent
     GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes GetObjectVersionForReplication
     GetObjectVersionTagging GetObjectVersionTorrent ListMultipartUploadParts`,
  ),
  ...named(
    "object",
    "write",
    `AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectTagging DeleteObjectVersion
     DeleteObjectVersionTagging InitiateReplication ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl
     PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionAcl PutObjectVersionTagging ReplicateDelete
     ReplicateObject ReplicateTags RestoreObject UpdateObjectEncryption`,
  ),
  ...named("bucket", "list", "ListBucket ListBucketMultipartUploads ListBucketVersions GetBucketLocation"),
  ...named(
    "bucket",
    "read",
    `GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS GetBucketLogging
     GetBucketNotification GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy
     GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging GetBucketVersioning
     GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration
     GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration`,
  ),
  ...named(
    "bucket",
    "administer",
    `CreateBucket DeleteBucket DeleteBucketPolicy DeleteBucketWebsite PutAccelerateConfiguration
     PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification
     PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock
     PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration
     PutIntelligentTieringConfiguration PutInventoryConfiguration PutLifecycleConfiguration PutMetricsConfiguration
     PutReplicationConfiguration`,
  ),
]);

/** The known actions that an action of a policy stands for; upper and lower case are one, as for the vendor. */
export function actionsMatching(pattern: string): string[] {
  return [...actions.keys()].filter((action) => matchesPattern(pattern.toLowerCase(), action.toLowerCase()));
}

/** Whether a text matches a pattern of a policy: `*` is any number of characters, `?` is one. Linear, whatever comes. */
export function matchesPattern(pattern: string, text: string): boolean {
  let [at, position] = [0, 0];
  let [star, resume] = [-1, 0];
  while (position < text.length) {
    if (at < pattern.length && pattern[at] === "*") {
      [star, resume] = [at, position];
      at += 1;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[position])) {
      at += 1;
      position += 1;
    } else if (star >= 0) {
      at = star + 1;
      resume += 1;
      position = resume;
    } else return false;
  }
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}
