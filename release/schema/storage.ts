import { z } from "zod";
import { BucketName, Name } from "../primitives";
import { Credentials, OneOrMore, Text } from "./common";

const Action = z.string().regex(/^(?:\*|s3:[A-Za-z*]{1,64})$/, { error: "expected an action such as s3:GetObject" });
const Resource = z
  .string()
  .regex(/^arn:[a-z-]+:s3:::\$\{bucket\}(?:\/[\x20-\x7e]{0,512})?$/, { error: "expected arn:aws:s3:::${bucket}/…" });
const Principal = z.union([z.literal("*"), z.strictObject({ AWS: OneOrMore(Text) })], {
  error: 'expected "*" or {AWS: …}',
});

/** One statement of a bucket policy. `${bucket}` and `${principal.NAME}` are filled in by the environment. */
export const Statement = z.strictObject({
  Sid: z
    .string()
    .regex(/^[A-Za-z0-9]{1,64}$/, { error: "expected letters and digits" })
    .optional(),
  Effect: z.enum(["Allow", "Deny"], { error: "expected Allow or Deny" }),
  Principal,
  Action: OneOrMore(Action),
  Resource: OneOrMore(Resource),
  Condition: z.record(Text, z.record(Text, OneOrMore(Text))).optional(),
});

/** A bucket policy in the vendor's own form. */
export const Policy = z.strictObject({
  Version: z.literal("2012-10-17", { error: 'expected "2012-10-17"' }),
  Statement: z.array(Statement).min(1, { error: "a policy has at least one statement" }),
});
export type Policy = z.infer<typeof Policy>;

const Days = z.int().min(1).max(36_500);

/** When AWS moves objects to cheaper storage, or removes what is left over. */
export const LifecycleRule = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9._-]{1,255}$/, { error: "expected a name such as old-exports" }),
  prefix: Text.optional().describe("The objects that it is for, all unless said"),
  expire: Days.optional().describe("Days after which an object is removed; needs a prefix"),
  expireOldVersions: Days.optional().describe("Days after which a version that is not the present one is removed"),
  abortUploads: Days.optional().describe("Days after which an upload that nobody finished is given up"),
  transitions: z
    .array(
      z.strictObject({
        days: z.int().min(0).max(36_500),
        to: z.enum(["STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"]),
      }),
    )
    .optional(),
});
export type LifecycleRule = z.infer<typeof LifecycleRule>;

/** What a bucket has on AWS only; other object stores do not know these settings, and are not asked for them. */
export const awsOnly = {
  publicAccessBlock: z
    .boolean()
    .optional()
    .describe("On AWS: no policy or access list can open the bucket to everybody"),
  encryption: z
    .strictObject({
      algorithm: z.enum(["AES256", "aws:kms"], { error: "expected AES256 or aws:kms" }),
      key: Name.optional().describe("A key of the environment's objectStore.keys; AWS's own unless said"),
    })
    .optional()
    .describe("On AWS: what objects are encrypted with"),
  lifecycle: z.array(LifecycleRule).min(1, { error: "expected one rule or more" }).max(1_000).optional(),
};

/** What a release pins of one bucket. */
export const Bucket = z.strictObject({
  policy: Policy,
  ...awsOnly,
  versioning: z.boolean().optional(),
  ownership: z.enum(["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"]).optional(),
  tags: z.record(z.string().regex(/^[A-Za-z0-9_.:/=+@-]{1,128}$/), Text).optional(),
});

export type Bucket = z.infer<typeof Bucket>;

/** The object store of an environment: where it is, who asks it, and what its buckets are called there. */
export const ObjectStore = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/, error: "expected an http(s) URL" })
    .optional()
    .describe("Left out for AWS itself"),
  vendor: z
    .enum(["aws", "other"], { error: "expected aws or other" })
    .optional()
    .describe("Whether the store knows what only AWS has: aws where there is no endpoint, unless said"),
  keys: z
    .record(Name, z.string().regex(/^arn:aws[a-z-]{0,10}:kms:[\x21-\x7e]{1,512}$/, { error: "expected a key's ARN" }))
    .optional()
    .describe("KMS keys, by the names that releases give them"),
  region: z.string().regex(/^[a-z0-9-]{2,32}$/, { error: "expected a region such as eu-central-1" }),
  credentials: Credentials.optional().describe("Left out where the machine's own AWS identity is used"),
  stranger: Credentials.optional().describe("An identity that must be denied; policy checks try it"),
  principals: z.record(Name, Text).optional().describe("What ${principal.NAME} in a policy stands for"),
  buckets: z.record(Name, BucketName),
});
