import { block, blocks, blockSet, flag, map, number, set, text, type Bag, type Shape } from "../schema";
import { samePolicy } from "./policy";

const region = text({ computed: true, immutable: true });
const bucket = text({ required: true, immutable: true });
const owner = text({ immutable: true });
const steps = { create: 1200, delete: 3600, read: 1200, update: 1200 };

const corsRule = {
  allowedHeaders: set(),
  allowedMethods: set({ required: true }),
  allowedOrigins: set({ required: true }),
  exposeHeaders: set(),
  id: text(),
  maxAgeSeconds: number(),
};

/**
 * Buckets. What has a resource type of its own by now (versioning, policy, CORS …) upstream still takes as a
 * deprecated input; here it is only an output. `defaultTags` are the provider's, on every bucket.
 */
export function bucketShape(defaultTags: () => Bag): Shape {
  const only = { output: true } as const;
  return {
    timeouts: steps,
    fields: {
      accelerationStatus: text(only),
      acl: text(only),
      arn: text(only),
      bucket: text({
        autoname: { maximum: 63, lowercase: true, unless: "bucketPrefix" },
        computed: true,
        immutable: true,
      }),
      bucketDomainName: text(only),
      bucketNamespace: text({ computed: true, immutable: true }),
      bucketPrefix: text({ computed: true, immutable: true }),
      bucketRegion: text(only),
      bucketRegionalDomainName: text(only),
      corsRules: blocks(corsRule, { ...only, upstream: "cors_rule" }),
      forceDestroy: flag({ fallback: false, listed: true }),
      grants: blockSet({ id: text(), permissions: set(), type: text(), uri: text() }, { ...only, upstream: "grant" }),
      hostedZoneId: text(only),
      lifecycleRules: blocks({}, { ...only, upstream: "lifecycle_rule" }),
      logging: block({}, only),
      objectLockConfiguration: block({}, only),
      objectLockEnabled: flag({ computed: true, immutable: true }),
      policy: text(only),
      region,
      replicationConfiguration: block({}, only),
      requestPayer: text(only),
      serverSideEncryptionConfiguration: block(
        {
          rule: block({
            applyServerSideEncryptionByDefault: block({ kmsMasterKeyId: text(), sseAlgorithm: text() }),
            blockedEncryptionTypes: set(),
            bucketKeyEnabled: flag(),
          }),
        },
        only,
      ),
      tags: map(),
      tagsAll: map({ derived: true }),
      versioning: block({ enabled: flag(), mfaDelete: flag() }, only),
      website: block({}, only),
      websiteDomain: text(only),
      websiteEndpoint: text(only),
    },
    derive: (inputs) => {
      const tags = { ...defaultTags(), ...(inputs.tags as Bag | undefined) };
      return Object.keys(tags).length > 0 ? { ...inputs, tags, tagsAll: tags } : inputs;
    },
  };
}

export const bucketPolicy: Shape = {
  fields: { bucket, policy: text({ required: true, json: true, same: samePolicy }), region },
};

export const bucketVersioning: Shape = {
  fields: {
    bucket,
    expectedBucketOwner: owner,
    mfa: text(),
    region,
    versioningConfiguration: block(
      { mfaDelete: text({ computed: true }), status: text({ required: true }) },
      { required: true },
    ),
  },
};

export const bucketOwnershipControls: Shape = {
  fields: { bucket, region, rule: block({ objectOwnership: text({ required: true }) }, { required: true }) },
};

export const bucketCorsConfiguration: Shape = {
  fields: {
    bucket,
    corsRules: blockSet(corsRule, { required: true, upstream: "cors_rule" }),
    expectedBucketOwner: owner,
    region,
  },
};
