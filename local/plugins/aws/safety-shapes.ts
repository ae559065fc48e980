import { block, blocks, blockSet, flag, number, text, type Shape } from "../schema";

const region = text({ computed: true, immutable: true });
const bucket = text({ required: true, immutable: true });

/** What keeps a bucket's objects from everybody, readable by few, and no longer than wanted. */
export const bucketPublicAccessBlock: Shape = {
  fields: {
    blockPublicAcls: flag(),
    blockPublicPolicy: flag(),
    bucket,
    ignorePublicAcls: flag(),
    region,
    restrictPublicBuckets: flag(),
    skipDestroy: flag(),
  },
};

export const bucketEncryption: Shape = {
  fields: {
    bucket,
    expectedBucketOwner: text({ immutable: true }),
    region,
    rules: blockSet(
      {
        applyServerSideEncryptionByDefault: block({
          kmsMasterKeyId: text(),
          sseAlgorithm: text({ required: true }),
        }),
        bucketKeyEnabled: flag(),
      },
      { required: true, upstream: "rule" },
    ),
  },
};

export const bucketLifecycle: Shape = {
  timeouts: { create: 180, update: 180 },
  fields: {
    bucket,
    expectedBucketOwner: text({ computed: true, immutable: true }),
    region,
    rules: blocks(
      {
        abortIncompleteMultipartUpload: block({ daysAfterInitiation: number() }),
        expiration: block({ days: number() }),
        filter: block({ prefix: text() }),
        id: text({ required: true }),
        noncurrentVersionExpiration: block({ noncurrentDays: number() }),
        status: text({ required: true }),
        transitions: blocks({ days: number(), storageClass: text({ required: true }) }, { upstream: "transition" }),
      },
      { upstream: "rule" },
    ),
    transitionDefaultMinimumObjectSize: text({ computed: true }),
  },
};
