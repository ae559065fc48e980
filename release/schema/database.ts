import { z } from "zod";
import { Host, Name, Port, SecretName, SqlIdentifier } from "../primitives";
import { databaseObjects } from "./database-objects";
import { Table } from "./rows";
import { StampedTable } from "./stamped";

/** The database of an environment: where it is, who asks it, and what stands in it whatever the release. */
export const Database = z.strictObject({
  host: Host,
  port: Port,
  sslmode: z.enum(["disable", "require", "verify-full"]).optional(),
  administrator: z.strictObject({ user: SqlIdentifier, password: SecretName }),
  name: SqlIdentifier,
  schema: SqlIdentifier,
  role: z.strictObject({ user: SqlIdentifier, password: SecretName, connectionLimit: z.int().min(1).optional() }),
  tables: z.record(SqlIdentifier, Table),
  stamped: z.record(Name, StampedTable).optional().describe("Tables whose rows carry the version that made them"),
  ...databaseObjects,
});
export type Database = z.infer<typeof Database>;
