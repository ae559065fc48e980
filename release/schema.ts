import { z } from "zod";
import {
  BucketName,
  Digest,
  Duration,
  Host,
  ImageReference,
  Name,
  Port,
  ProjectPath,
  ReleaseId,
  SecretName,
  SqlIdentifier,
  UrlPath,
  VariableName,
} from "./primitives";

const Text = z.string().max(4_096, { error: "at most 4096 characters" });
const Variables = z.record(VariableName, Text);

/** A service as a release pins it. What surrounds it (memory, ports, secrets) belongs to the environment. */
export const Service = z.strictObject({
  image: ImageReference.describe("The image by digest, without its registry: name@sha256:<64 hex>"),
  variables: Variables.optional().describe("Environment variables that belong to this version"),
});

/** A function as a release pins it: its own image, its own parameters. */
export const Function = z.strictObject({
  image: ImageReference.describe("The image by digest, without its registry: name@sha256:<64 hex>"),
  variables: Variables.optional(),
  parameters: z.record(Name, z.json()).optional().describe("Engine parameters, handed over as JSON"),
});

/** A row: column names and JSON values. */
export const Row = z.record(SqlIdentifier, z.json());
export type Row = z.infer<typeof Row>;

/** The rows of one table that a release pins. Rows that no release names are left alone. */
export const ConfigTable = z.strictObject({
  rows: z.array(Row).max(1_000, { error: "at most 1000 inline rows: more belong in a file" }),
});

const OneOrMore = <T extends z.ZodType>(item: T) =>
  z.union([item, z.array(item).min(1, { error: "expected one or more" })], {
    error: "expected a text or a list of texts",
  });
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

/** The value of a toggle: on, off, or a word. */
export const Toggle = z.union([z.boolean(), Text], { error: "expected true, false or a text" });

/** An immutable record of everything that a deployment pins. */
export const Release = z.strictObject({
  description: Text.optional().describe("For people: what this release brought"),
  services: z.record(Name, Service).optional(),
  functions: z.record(Name, Function).optional(),
  config: z.record(SqlIdentifier, ConfigTable).optional(),
  storage: z.record(Name, Bucket).optional(),
  toggles: z.record(VariableName, Toggle).optional(),
});
export type Release = z.infer<typeof Release>;

/** A release that stands in a file of its own, referenced by the digest of what the file holds. */
export const ReleaseReference = z.strictObject({ file: ProjectPath, digest: Digest });
export type ReleaseReference = z.infer<typeof ReleaseReference>;

/** The facets in the order in which a release names them. */
export const facets = ["services", "functions", "config", "storage", "toggles"] as const;
export type Facet = (typeof facets)[number];

/** `config`, or one entry of a facet: `functions/score_prism`. */
export const PinPath = z
  .string()
  .regex(/^(?:services|functions|config|storage|toggles)(?:\/[A-Za-z_][A-Za-z0-9_-]{0,126})?$/, {
    error: "expected a facet, or one entry of it, such as functions/score_prism",
  });

const Healthcheck = z.strictObject({
  command: z.array(Text).min(1).describe("What runs inside the container; exit code 0 means healthy"),
  interval: Duration.optional(),
  timeout: Duration.optional(),
  retries: z.int().min(1).max(100).optional(),
  startPeriod: Duration.optional(),
});

/** Where and how a service or function runs, whatever its release. */
export const Workload = z.strictObject({
  command: z.array(Text).optional(),
  port: Port.optional().describe("The port it listens on inside its container"),
  memory: z.int().min(16).max(1_048_576).describe("Its limit in MiB"),
  healthcheck: Healthcheck,
  variables: Variables.optional(),
  secrets: z.record(VariableName, SecretName).optional().describe("Variables filled from rewind:secrets"),
});
export type Workload = z.infer<typeof Workload>;

const Credentials = z.strictObject({ accessKey: SecretName, secretKey: SecretName });

/** A table whose rows releases pin. */
export const Table = z.strictObject({
  key: SqlIdentifier.describe("The key column"),
  columns: z
    .record(SqlIdentifier, z.enum(["text", "jsonb", "integer", "bigint", "numeric", "boolean", "timestamptz"]))
    .describe("The columns that releases pin, and their types"),
  touched: SqlIdentifier.optional().describe("A timestamp column that moves for rows that changed"),
});
export type Table = z.infer<typeof Table>;

/** Everything that surrounds a release and stays while releases come and go. */
export const Environment = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, { error: "expected a name such as staging" }),
  kind: z.enum(["local", "staging", "production"], { error: "expected local, staging or production" }),
  registry: z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253})(?::[0-9]{1,5})?(?:\/[a-z0-9._/-]{1,200})?$/, {
    error: "expected a registry such as registry.example.com/team",
  }),
  docker: z.strictObject({
    // A host that began with a dash would be an option of ssh.
    host: z
      .string()
      .regex(
        /^(?:unix:\/\/\/[ -~\u00a0-\uffff]{1,250}|npipe:\/\/[A-Za-z0-9._/-]{1,250}|(?:tcp|ssh):\/\/(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,62}@)?(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:]{2,45}\])(?::[0-9]{1,5})?)$/,
        { error: "expected a Docker host such as unix:///var/run/docker.sock or ssh://deploy@host" },
      ),
    address: Host.optional().describe("Where published ports answer; 127.0.0.1 unless the engine is remote"),
  }),
  services: z.record(Name, Workload).optional(),
  functions: z.record(Name, Workload).optional(),
  database: z
    .strictObject({
      host: Host,
      port: Port,
      sslmode: z.enum(["disable", "require", "verify-full"]).optional(),
      administrator: z.strictObject({ user: SqlIdentifier, password: SecretName }),
      name: SqlIdentifier,
      schema: SqlIdentifier,
      role: z.strictObject({ user: SqlIdentifier, password: SecretName, connectionLimit: z.int().min(1).optional() }),
      tables: z.record(SqlIdentifier, Table),
    })
    .optional(),
  objectStore: z
    .strictObject({
      endpoint: z
        .url({ protocol: /^https?$/, error: "expected an http(s) URL" })
        .optional()
        .describe("Left out for AWS itself"),
      region: z.string().regex(/^[a-z0-9-]{2,32}$/, { error: "expected a region such as eu-central-1" }),
      credentials: Credentials.optional().describe("Left out where the machine's own AWS identity is used"),
      stranger: Credentials.optional().describe("An identity that must be denied; policy checks try it"),
      principals: z.record(Name, Text).optional().describe("What ${principal.NAME} in a policy stands for"),
      buckets: z.record(Name, BucketName),
    })
    .optional(),
  caches: z
    .record(
      Name,
      z.strictObject({
        url: SecretName,
        keys: z
          .array(z.string().regex(/^[\x21-\x7e]{1,200}$/))
          .min(1)
          .describe("Patterns of the keys to clear"),
      }),
    )
    .optional(),
  toggles: z.array(VariableName).optional().describe("The toggles that services and functions are told"),
  records: ProjectPath.optional().describe("The folder of the deployment log, .rewind/records unless said"),
});
export type Environment = z.infer<typeof Environment>;

/** A value that a JSON answer must have at the same place; objects may hold more than is named. */
const Expected = z.json();

const Request = z.strictObject({
  to: z.string().regex(/^(?:services|functions)\/[A-Za-z][A-Za-z0-9_-]{0,62}$/, { error: "expected services/NAME" }),
  method: z.enum(["GET", "POST", "PUT", "DELETE"]).optional(),
  path: UrlPath,
  bearer: SecretName.optional().describe("The secret sent as Authorization: Bearer …"),
  body: z.json().optional(),
  expect: z.strictObject({ status: z.int().min(100).max(599), json: Expected.optional() }),
  capture: z
    .record(Name, z.string().regex(/^[A-Za-z0-9_.-]{1,200}$/))
    .optional()
    .describe("Names for values of the answer, by their path: session: session_id"),
});
export type Request = z.infer<typeof Request>;

const timing = {
  timeout: Duration.optional().describe("One attempt ends here"),
  deadline: Duration.optional().describe("Retrying ends here"),
};

/** One check as the stack declares it. */
export const CheckDefinition = z.discriminatedUnion(
  "kind",
  [
    z.strictObject({ kind: z.literal("http"), ...timing, ...Request.omit({ capture: true }).shape }),
    z.strictObject({ kind: z.literal("journey"), ...timing, steps: z.array(Request).min(1).max(50) }),
    z.strictObject({
      kind: z.literal("sql"),
      ...timing,
      query: z.string().min(1).max(10_000),
      expect: z.strictObject({ rows: z.array(z.array(z.json())) }),
    }),
    z.strictObject({ kind: z.literal("row"), ...timing, table: SqlIdentifier, key: Text }),
    z.strictObject({ kind: z.literal("policy"), ...timing, bucket: Name, prefix: Text.optional() }),
  ],
  { error: "expected a kind of check: http, journey, sql, row or policy" },
);
export type CheckDefinition = z.infer<typeof CheckDefinition>;

/** How an applied release is verified. Pinned images, rows and policies are always compared with what runs. */
export const Verification = z.strictObject({
  timeout: Duration.optional(),
  deadline: Duration.optional(),
  checks: z.record(Name, CheckDefinition).optional(),
});
export type Verification = z.infer<typeof Verification>;

/** The stack's own configuration, `rewind:…`, without the values of its secrets. */
export const Settings = z.strictObject({
  release: ReleaseId.describe("The pin: the release this stack runs"),
  pins: z.record(PinPath, ReleaseId).optional().describe("A facet, or one entry of it, pinned apart from the rest"),
  releases: z.record(ReleaseId, z.union([Release, ReleaseReference])).describe("The catalogue"),
  environment: Environment,
  verification: Verification.optional(),
  secrets: z.array(SecretName).optional(),
});
