import { z } from "zod";
import { Duration, ImageReference, Name, Port, SecretName, VariableName } from "../primitives";
import { Text, Variables } from "./common";

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
