import { z } from "zod";
import { Duration, SecretName, ToggleName } from "../primitives";

/** The name of a queue, which becomes a piece of a Redis key. */
const QueueName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, { error: "expected a queue such as scoring" });

/** Queues of RQ whose jobs belong to the release that made them. */
export const Jobs = z.strictObject({
  url: SecretName.describe("The Redis of the queues"),
  queues: z.array(QueueName).min(1, { error: "expected one queue or more" }),
  disabledBy: ToggleName.optional().describe("The toggle that keeps the workers disabled while it is on"),
  grace: Duration.optional().describe("How long running jobs may take to end once they are stopped; 10s unless said"),
  supervised: z
    .boolean()
    .optional()
    .describe(
      "Whether something restarts a worker that ends: then idle ones are ended, or each would take one more job",
    ),
});
export type Jobs = z.infer<typeof Jobs>;
