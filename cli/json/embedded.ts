import { z } from "zod";
import { count, type Printed } from "./shapes";

const source = z.string().describe("Where it came from: the machine, a vendor, a registry, built here");

/** `rewind local up` */
export const up = z.strictObject({
  id: z.string().describe("Tells this checkout's environment from any other on the machine"),
  folder: z.string(),
  pulumi: z.strictObject({ bin: z.string(), version: z.string(), source }),
  plugins: z.array(z.strictObject({ name: z.string(), version: z.string(), source })),
  docker: z.strictObject({ host: z.string(), gateway: z.string(), version: z.string(), source }),
  registry: z.strictObject({ address: z.string(), source }),
  postgres: z.strictObject({ host: z.string(), port: count, version: z.string(), source }),
  objectStore: z.strictObject({ endpoint: z.string(), source }),
  redis: z.strictObject({ host: z.string(), port: count, source }),
});
export type LocalUpJson = Printed<typeof up>;

/** `rewind local down` */
export const down = z.strictObject({ purged: z.boolean() });
export type LocalDownJson = Printed<typeof down>;

/** `rewind local status` */
export const status = z.array(
  z.strictObject({
    part: z.string(),
    state: z.enum(["up", "failing", "down"]).describe("failing: it was started and does not answer"),
    description: z.string(),
  }),
);
export type LocalStatusJson = Printed<typeof status>;

/** `rewind local env` */
export const env = z.record(z.string(), z.string()).describe("Variables by name");
export type LocalEnvJson = Printed<typeof env>;
