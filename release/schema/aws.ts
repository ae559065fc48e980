import { z } from "zod";
import { BucketName, SecretName } from "../primitives";
import { Credentials } from "./common";

/** The name of a resource on AWS, of one service: `arn:aws:iam::111122223333:role/scoring-task`. */
const arn = (service: string, example: string) =>
  z.string().regex(new RegExp(`^arn:aws[a-z-]{0,10}:${service}:[a-z0-9-]{0,32}:[0-9]{12}:[\\x21-\\x7e]{1,512}$`), {
    error: `expected an ARN such as ${example}`,
  });
const Role = arn("iam", "arn:aws:iam::111122223333:role/scoring-task");
const Subnets = z
  .array(z.string().regex(/^subnet-[0-9a-f]{8,17}$/, { error: "expected a subnet such as subnet-0a1b2c3d" }))
  .min(1, { error: "expected one subnet or more" });
const SecurityGroups = z
  .array(z.string().regex(/^sg-[0-9a-f]{8,17}$/, { error: "expected a security group such as sg-0a1b2c3d" }))
  .min(1, { error: "expected one security group or more" });
const Architecture = z.enum(["x86_64", "arm64"], { error: "expected x86_64 or arm64" }).optional();

/** A load balancer's target group, which decides who is asked. */
export const TargetGroup = arn(
  "elasticloadbalancing",
  "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/api/0123456789abcdef",
);

/** The account that services, functions and secrets live in. Object stores name theirs themselves. */
export const Aws = z.strictObject({
  region: z.string().regex(/^[a-z0-9-]{2,32}$/, { error: "expected a region such as eu-central-1" }),
  credentials: Credentials.optional().describe("Left out where the machine's own AWS identity is used"),
  endpoint: z
    .url({ protocol: /^https?$/, error: "expected an http(s) URL" })
    .optional()
    .describe("Left out for AWS itself"),
  kmsKey: arn("kms", "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef")
    .optional()
    .describe("What secrets and the variables of functions are encrypted with; AWS's own key unless said"),
});

/** Where services run on ECS, on Fargate. */
export const Ecs = z.strictObject({
  cluster: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$/, { error: "expected the name of a cluster" }),
  subnets: Subnets,
  securityGroups: SecurityGroups,
  executionRole: Role.describe("What pulls the image and reads the secrets"),
  taskRole: Role.optional().describe("What the service itself is on AWS"),
  assignPublicIp: z.boolean().optional(),
  logGroup: z
    .string()
    .regex(/^[A-Za-z0-9_./#-]{1,512}$/, { error: "expected a log group such as /ecs/scoring" })
    .optional(),
  architecture: Architecture,
});

/** What surrounds functions on AWS Lambda. */
export const LambdaSettings = z.strictObject({
  role: Role.describe("What the functions are on AWS"),
  bundles: BucketName.optional().describe("The bucket that holds bundles, as bundles/<hex>.zip"),
  subnets: Subnets.optional(),
  securityGroups: SecurityGroups.optional(),
  architecture: Architecture,
});

/** Who asks a registry that does not answer everybody. ECR knows the machine's own AWS identity. */
export const RegistryCredentials = z.strictObject({
  user: z.string().regex(/^[\x21-\x39\x3b-\x7e]{1,256}$/, { error: "expected a user name without a colon" }),
  password: SecretName,
});
