import { z } from "zod";
import { check, count, entryId, time, type Printed } from "./shapes";

const base = z.strictObject({
  id: z.string(),
  started: time.describe("The server's clock"),
  ended: time.describe("The server's clock"),
  system: z.string().describe("The server's own identifier"),
  major: count.describe("Version of the server"),
  bytes: count,
});

/** `rewind database backup` */
export const backup = z.strictObject({ backup: base, folder: z.string() });
export type DatabaseBackupJson = Printed<typeof backup>;

/** `rewind database recover` */
export const recover = z.strictObject({
  outcome: z.enum(["RECOVERED", "RECOVERED, BUT NOT AS LOGGED"]),
  entry: entryId,
  folder: z.string(),
  port: count.describe("On 127.0.0.1"),
  pid: count,
  backup: base,
  target: z.union([z.strictObject({ name: z.string().describe("A restore point") }), z.strictObject({ time })]),
  checks: z.array(check),
});
export type DatabaseRecoverJson = Printed<typeof recover>;
