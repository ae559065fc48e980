import { z } from "zod";
import { BucketName, Duration, Name } from "../primitives";
import { Credentials, OneOrMore, Text, unproved } from "./common";
import { Policy } from "./policy";

export type { Policy, Statement } from "./policy";

const Days = z.int().min(1).max(36_500);

/** When AWS moves objects to cheaper storage, or removes what is left over. */
export const LifecycleRule = z.strictObject({
  id: z.string().regex(/^[^\p{C}]{1,255}$/u, { error: "expected a name of 1 to 255 characters such as old-exports" }),
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
const most = "at most one * (S3 takes no more)";
/** Whether a text has one wildcard or none. */
const oneStar = (text: string): boolean => text.split("*").length <= 2;
/** What browsers and apps send: with `capacitor://` and the like, with any port, `null` of a page that lies in a file. */
const Origin = z
  .string()
  .regex(
    /^(?:\*|null|[A-Za-z][A-Za-z0-9+.-]{0,30}:\/\/(?:[A-Za-z0-9*][A-Za-z0-9.*_-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?:[0-9]{1,5}|\*))?)$/,
    { error: "expected an origin such as https://app.example.com, without a path" },
  )
  .refine(oneStar, { error: `an origin has ${most}` });
const Header = z
  .string()
  .regex(/^[A-Za-z0-9*._-]{1,128}$/, { error: "expected the name of a header such as content-type" });

/** Which pages of other sites may use a bucket from a browser. */
export const CorsRule = z.strictObject({
  origins: z.array(Origin).min(1, { error: "expected one origin or more" }),
  methods: z.array(z.enum(["GET", "PUT", "POST", "DELETE", "HEAD"])).min(1, { error: "expected one method or more" }),
  headers: z.array(Header.refine(oneStar, { error: `a header has ${most}` })).optional(),
  expose: z
    .array(
      Header.refine((text) => !text.includes("*"), { error: "S3 takes no * among the headers that pages may read" }),
    )
    .optional(),
  maxAge: z.int().min(0).max(2_147_483_647).optional().describe("Seconds for which a browser may remember the answer"),
});
export type CorsRule = z.infer<typeof CorsRule>;

/** What a release pins of one bucket. */
export const Bucket = z.strictObject({
  policy: Policy,
  ...awsOnly,
  public: z
    .strictObject({ reason: Text.min(1, { error: "expected a reason" }) })
    .optional()
    .describe("Said where everybody may read: without it no statement allows the wildcard principal anything"),
  writers: z
    .array(Name)
    .optional()
    .describe("The principals that must be able to write: a policy without it is refused"),
  cors: z.array(CorsRule).min(1).max(100).optional(),
  signedUrls: z
    .strictObject({ longest: Duration })
    .optional()
    .describe("The longest life of a signed URL; AWS refuses older ones, other stores are only asked"),
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
  unproved: unproved.optional().describe("Why the endpoint is plain http in production"),
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
  self: Text.optional().describe("What a policy calls the stack's own identity, where it can be named"),
  stranger: Credentials.optional().describe("An identity that must be denied; policy checks try it"),
  identities: z
    .record(Name, Credentials)
    .optional()
    .describe("The keys of principals, by the principal's name: policies are tried with them, and they can be rotated"),
  accounts: z
    .enum(["iam", "versitygw"])
    .optional()
    .describe("How keys are made and revoked: AWS IAM where there is no endpoint, else nothing unless said"),
  principals: z.record(Name, OneOrMore(Text)).optional().describe("What ${principal.NAME} in a policy stands for"),
  untried: z
    .strictObject({ reason: Text.min(1, { error: "expected a reason" }) })
    .optional()
    .describe(
      "Said of a store that keeps policies and refuses nobody (an emulator): nobody tries them; never in production",
    ),
  buckets: z.record(Name, BucketName),
});
export type ObjectStore = z.infer<typeof ObjectStore>;
