import type { LifecycleRule, ServerSideEncryptionRule } from "@aws-sdk/client-s3";
import type { Resource } from "../plugin";
import { isBag, isEmpty, textOf, UNKNOWN, type Bag, type Value } from "../schema";
import { settingResource } from "./bucket-settings";
import { bucketEncryption, bucketLifecycle, bucketPublicAccessBlock } from "./safety-shapes";
import type { Store } from "./store";

/** Whether a policy or an access list may open a bucket to everybody at all. */
export function publicAccessResource(store: Store): Resource {
  return settingResource(store, {
    shape: bucketPublicAccessBlock,
    put: (client, Bucket, planned) =>
      client.putPublicAccessBlock({
        Bucket,
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: planned.blockPublicAcls === true,
          BlockPublicPolicy: planned.blockPublicPolicy === true,
          IgnorePublicAcls: planned.ignorePublicAcls === true,
          RestrictPublicBuckets: planned.restrictPublicBuckets === true,
        },
      }),
    get: async (client, Bucket) => {
      const { PublicAccessBlockConfiguration: found } = await client.getPublicAccessBlock({ Bucket });
      if (found === undefined) return undefined;
      return {
        blockPublicAcls: found.BlockPublicAcls ?? false,
        blockPublicPolicy: found.BlockPublicPolicy ?? false,
        ignorePublicAcls: found.IgnorePublicAcls ?? false,
        restrictPublicBuckets: found.RestrictPublicBuckets ?? false,
      };
    },
    remove: (client, Bucket, state) =>
      state.skipDestroy === true ? Promise.resolve() : client.deletePublicAccessBlock({ Bucket }),
  });
}

/** With which key the store encrypts what is put into a bucket. */
export function encryptionResource(store: Store): Resource {
  return settingResource(store, {
    shape: bucketEncryption,
    put: (client, Bucket, planned) =>
      client.putBucketEncryption({
        Bucket,
        ServerSideEncryptionConfiguration: { Rules: bagsOf(planned.rules).map(encryptionRule) },
      }),
    get: async (client, Bucket) => {
      const { ServerSideEncryptionConfiguration } = await client.getBucketEncryption({ Bucket });
      const rules = ServerSideEncryptionConfiguration?.Rules ?? [];
      return rules.length === 0 ? undefined : { rules: rules.map(stateOfEncryption) };
    },
    remove: (client, Bucket) => client.deleteBucketEncryption({ Bucket }),
  });
}

/** When the store moves objects elsewhere, or removes them. */
export function lifecycleResource(store: Store): Resource {
  return settingResource(store, {
    shape: bucketLifecycle,
    put: (client, Bucket, planned) =>
      client.putBucketLifecycleConfiguration({
        Bucket,
        LifecycleConfiguration: { Rules: bagsOf(planned.rules).map(lifecycleRule) },
      }),
    get: async (client, Bucket, state) => {
      const { Rules = [] } = await client.getBucketLifecycleConfiguration({ Bucket });
      if (Rules.length === 0) return undefined;
      const size = state.transitionDefaultMinimumObjectSize;
      return {
        expectedBucketOwner: "",
        rules: Rules.map(stateOfLifecycle),
        transitionDefaultMinimumObjectSize:
          isEmpty(size) || size === UNKNOWN ? "all_storage_classes_128K" : (size ?? null),
      };
    },
    remove: (client, Bucket) => client.deleteBucketLifecycle({ Bucket }),
  });
}

function encryptionRule(rule: Bag): ServerSideEncryptionRule {
  const { sseAlgorithm, kmsMasterKeyId } = bagOf(rule.applyServerSideEncryptionByDefault);
  return {
    ApplyServerSideEncryptionByDefault: {
      SSEAlgorithm: textOf(sseAlgorithm) as "AES256",
      ...(isEmpty(kmsMasterKeyId) ? {} : { KMSMasterKeyID: textOf(kmsMasterKeyId) }),
    },
    ...(isEmpty(rule.bucketKeyEnabled) ? {} : { BucketKeyEnabled: rule.bucketKeyEnabled === true }),
  };
}

function stateOfEncryption({ ApplyServerSideEncryptionByDefault, BucketKeyEnabled }: ServerSideEncryptionRule): Bag {
  return {
    applyServerSideEncryptionByDefault: {
      kmsMasterKeyId: ApplyServerSideEncryptionByDefault?.KMSMasterKeyID ?? "",
      sseAlgorithm: ApplyServerSideEncryptionByDefault?.SSEAlgorithm ?? "",
    },
    bucketKeyEnabled: BucketKeyEnabled ?? false,
  };
}

function lifecycleRule(rule: Bag): LifecycleRule {
  const { prefix } = bagOf(rule.filter);
  const days = (block: Value | undefined, key: string): number | undefined => {
    const value = bagOf(block)[key];
    return isEmpty(value) ? undefined : Number(value);
  };
  const expiration = days(rule.expiration, "days");
  const noncurrent = days(rule.noncurrentVersionExpiration, "noncurrentDays");
  const uploads = days(rule.abortIncompleteMultipartUpload, "daysAfterInitiation");
  const transitions = bagsOf(rule.transitions).map((each) => ({
    Days: Number(each.days),
    StorageClass: textOf(each.storageClass) as "GLACIER",
  }));
  return {
    ID: textOf(rule.id),
    Status: textOf(rule.status) as "Enabled",
    Filter: { Prefix: textOf(prefix) },
    ...(expiration === undefined ? {} : { Expiration: { Days: expiration } }),
    ...(noncurrent === undefined ? {} : { NoncurrentVersionExpiration: { NoncurrentDays: noncurrent } }),
    ...(uploads === undefined ? {} : { AbortIncompleteMultipartUpload: { DaysAfterInitiation: uploads } }),
    ...(transitions.length === 0 ? {} : { Transitions: transitions }),
  };
}

function stateOfLifecycle(rule: LifecycleRule): Bag {
  const expiration = rule.Expiration?.Days;
  const noncurrent = rule.NoncurrentVersionExpiration?.NoncurrentDays;
  const uploads = rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation;
  return {
    id: rule.ID ?? "",
    status: rule.Status ?? "",
    filter: { prefix: rule.Filter?.Prefix ?? "" },
    expiration: expiration === undefined ? null : { days: expiration },
    noncurrentVersionExpiration: noncurrent === undefined ? null : { noncurrentDays: noncurrent },
    abortIncompleteMultipartUpload: uploads === undefined ? null : { daysAfterInitiation: uploads },
    transitions: (rule.Transitions ?? []).map(({ Days, StorageClass }) => ({
      days: Days ?? 0,
      storageClass: StorageClass ?? "",
    })),
  };
}

const bagOf = (value: Value | undefined): Bag => (isBag(value) ? value : {});
const bagsOf = (value: Value | undefined): Bag[] => (Array.isArray(value) ? value.filter(isBag) : []);
