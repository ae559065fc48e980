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

/** What a release pins of one bucket. */
export const Bucket = z.strictObject({
  policy: Policy,
  versioning: z.boolean().optional(),
  ownership: z.enum(["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"]).optional(),
  tags: z.record(z.string().regex(/^[A-Za-z0-9_.:/=+@-]{1,128}$/), Text).optional(),
});

/** The object store of an environment: where it is, who asks it, and what its buckets are called there. */
export const ObjectStore = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/, error: "expected an http(s) URL" })
    .optional()
    .describe("Left out for AWS itself"),
  region: z.string().regex(/^[a-z0-9-]{2,32}$/, { error: "expected a region such as eu-central-1" }),
  credentials: Credentials.optional().describe("Left out where the machine's own AWS identity is used"),
  stranger: Credentials.optional().describe("An identity that must be denied; policy checks try it"),
  principals: z.record(Name, Text).optional().describe("What ${principal.NAME} in a policy stands for"),
  buckets: z.record(Name, BucketName),
});
