import { BucketLifecycleConfiguration } from "@pulumi/aws/s3/bucketLifecycleConfiguration";
import { BucketPublicAccessBlock } from "@pulumi/aws/s3/bucketPublicAccessBlock";
import { BucketServerSideEncryptionConfiguration } from "@pulumi/aws/s3/bucketServerSideEncryptionConfiguration";
import type * as pulumi from "@pulumi/pulumi";
import { encryptionOf, lifecycleOf, publicAccessIsBlocked } from "../release/bucket-settings";
import { isOnAws } from "../release/runtime";
import type { Environment } from "../release/schema/environment";
import type { Bucket } from "../release/schema/storage";

/**
 * What a bucket has on AWS only, nothing elsewhere. All three are always declared: a setting that a release leaves out is
 * put back by an update, for what the engine deletes goes only after verification.
 *
 * @param versioning what the lifecycle of old versions waits for
 */
export function settingsOnAws(
  environment: Environment,
  entry: string,
  pin: Pick<Bucket, "publicAccessBlock" | "encryption" | "lifecycle">,
  bucket: pulumi.Input<string>,
  parent: pulumi.CustomResourceOptions,
): pulumi.CustomResource[] {
  if (!isOnAws(environment)) return [];
  const blocked = publicAccessIsBlocked(pin);
  return [
    new BucketPublicAccessBlock(
      entry,
      {
        bucket,
        blockPublicAcls: blocked,
        blockPublicPolicy: blocked,
        ignorePublicAcls: blocked,
        restrictPublicBuckets: blocked,
      },
      parent,
    ),
    new BucketServerSideEncryptionConfiguration(entry, { bucket, rules: [encryptionRule(environment, pin)] }, parent),
    new BucketLifecycleConfiguration(entry, { bucket, rules: lifecycleOf(pin).map(lifecycleRule) }, parent),
  ];
}

function encryptionRule(environment: Environment, pin: Pick<Bucket, "encryption">) {
  const { algorithm, key } = encryptionOf(pin, environment.objectStore?.keys ?? {});
  return {
    applyServerSideEncryptionByDefault: {
      sseAlgorithm: algorithm,
      ...(key === undefined ? {} : { kmsMasterKeyId: key }),
    },
    // Without a bucket key every object is a call to KMS, and a bill.
    bucketKeyEnabled: algorithm === "aws:kms",
  };
}

function lifecycleRule({
  id,
  status,
  prefix,
  expire,
  expireOldVersions,
  abortUploads,
  transitions,
}: ReturnType<typeof lifecycleOf>[number]) {
  return {
    id,
    status,
    filter: { prefix },
    ...(expire === undefined ? {} : { expiration: { days: expire } }),
    ...(expireOldVersions === undefined ? {} : { noncurrentVersionExpiration: { noncurrentDays: expireOldVersions } }),
    ...(abortUploads === undefined ? {} : { abortIncompleteMultipartUpload: { daysAfterInitiation: abortUploads } }),
    ...(transitions.length === 0
      ? {}
      : { transitions: transitions.map(({ days, to }) => ({ days, storageClass: to })) }),
  };
}
