import { z } from "zod";
import { Digest, Duration, ImageReference, Name, Port, SecretName, VariableName } from "../primitives";
import { TargetGroup } from "./aws";
import { Text, Variables } from "./common";

/** A service as a release pins it. What surrounds it (memory, ports, secrets) belongs to the environment. */
export const Service = z.strictObject({
  image: ImageReference.describe("The image by digest, without its registry: name@sha256:<64 hex>"),
  variables: Variables.optional().describe("Environment variables that belong to this version"),
});

export type Service = z.infer<typeof Service>;

/** A function as a release pins it: its own image or bundle, its own parameters. */
export const Function = z.strictObject({
  image: ImageReference.optional().describe("The image by digest, without its registry: name@sha256:<64 hex>"),
  bundle: Digest.optional().describe("In place of an image, on Lambda: a zip file by the SHA-256 of its bytes"),
  handler: z
    .string()
    .regex(/^[A-Za-z0-9_./:-]{1,128}$/, { error: "expected a handler such as index.handler" })
    .optional()
    .describe("What a bundle is entered by"),
  runtime: z
    .string()
    .regex(/^[a-z0-9.]{2,32}$/, { error: "expected a runtime such as nodejs22.x" })
    .optional()
    .describe("What runs a bundle"),
  variables: Variables.optional(),
  parameters: z.record(Name, z.json()).optional().describe("Engine parameters, handed over as JSON"),
});

const AbsolutePath = z.string().regex(/^\/(?!.*(?:^|\/)\.\.?(?:\/|$))[A-Za-z0-9._/-]{1,200}$/, {
  error: "expected a folder inside the container such as /var/lib/scoring",
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
  healthcheck: Healthcheck.optional().describe("Needed wherever it runs as a container"),
  url: z
    .url({ protocol: /^https?$/, error: "expected an http(s) URL" })
    .optional()
    .describe("Where checks reach it on ECS or Lambda: at its load balancer, or its function URL"),
  cpu: z
    .union(
      [256, 512, 1024, 2048, 4096, 8192, 16384].map((units) => z.literal(units)),
      {
        error: "expected CPU units that Fargate has: 256, 512, 1024, 2048, 4096, 8192 or 16384",
      },
    )
    .optional()
    .describe("Its CPU units on ECS, 256 unless said"),
  replicas: z.int().min(1).max(1_000).optional().describe("How many of it run, where the runtime keeps several"),
  publish: Port.optional().describe("The port that a swarm publishes it on; the swarm gives one out unless said"),
  targetGroup: TargetGroup.optional().describe("The load balancer's target group that an ECS service registers with"),
  executionTimeout: Duration.optional().describe("When Lambda ends an invocation, 30s unless said"),
  volumes: z
    .record(Name, AbsolutePath)
    .optional()
    .describe("Named volumes, each with the folder inside the container where it is mounted"),
  variables: Variables.optional(),
  secrets: z.record(VariableName, SecretName).optional().describe("Variables filled from rewind:secrets"),
});
export type Workload = z.infer<typeof Workload>;
