import { z } from "zod";

/** On what services and functions run. The same release runs on all; the environment chooses. */
export const Runtime = z.strictObject({
  services: z.enum(["docker", "swarm", "ecs"], { error: "expected docker, swarm or ecs" }).optional(),
  functions: z.enum(["container", "lambda"], { error: "expected container or lambda" }).optional(),
});
export type Runtime = z.infer<typeof Runtime>;
