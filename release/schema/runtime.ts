import { z } from "zod";
import { Duration } from "../primitives";

/** On what services and functions run. The same release runs on all; the environment chooses. */
export const Runtime = z.strictObject({
  services: z.enum(["docker", "swarm", "ecs"], { error: "expected docker, swarm or ecs" }).optional(),
  functions: z.enum(["container", "lambda"], { error: "expected container or lambda" }).optional(),
});
export type Runtime = z.infer<typeof Runtime>;

/** How services move on a swarm, which exists already and may run more than this stack. */
export const Swarm = z.strictObject({
  ports: z
    .enum(["host", "ingress"], { error: "expected host or ingress" })
    .optional()
    .describe("ingress unless said: every node answers for every task; host: only the node that a task runs on"),
  failureAction: z
    .enum(["rollback", "pause"], { error: "expected rollback or pause" })
    .optional()
    .describe("What the swarm does when a new task fails, rollback unless said"),
  monitor: Duration.optional().describe("How long a new task is watched before the next is replaced, 5s unless said"),
  parallelism: z.int().min(1).max(1_000).optional().describe("How many tasks are replaced at once, 1 unless said"),
  patience: Duration.optional().describe("When an update that is not done counts as failed, 3m unless said"),
  network: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, { error: "expected the name of a network" })
    .optional()
    .describe("An overlay network of the swarm that services join under their name"),
});
export type Swarm = z.infer<typeof Swarm>;
