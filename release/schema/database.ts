import { z } from "zod";
import { DatabaseHost, DatabaseName, DatabaseUser, Name, Port, SecretName, SqlIdentifier } from "../primitives";
import { unproved } from "./common";
import { databaseObjects, memberOf } from "./database-objects";
import { Table } from "./rows";
import { StampedTable } from "./stamped";

/** The database of an environment: where it is, who asks it, and what stands in it whatever the release. */
export const Database = z.strictObject({
  host: DatabaseHost,
  port: Port,
  sslmode: z.enum(["disable", "require", "verify-full"]).optional(),
  unproved: unproved.optional().describe("Why nobody proves who answers here, in production"),
  administrator: z.strictObject({ user: DatabaseUser, password: SecretName }),
  name: DatabaseName,
  schema: SqlIdentifier,
  role: z.strictObject({
    user: SqlIdentifier,
    password: SecretName,
    connectionLimit: z.int().min(1).optional(),
    create: z
      .boolean()
      .optional()
      .describe("Whether it may create in the schema, as an application must that makes its own tables (default: no)"),
    memberOf,
  }),
  reader: SqlIdentifier.optional().describe(
    "The role that checks of kind sql ask as: one that may only read (default: pg_read_all_data)",
  ),
  tables: z.record(SqlIdentifier, Table),
  stamped: z.record(Name, StampedTable).optional().describe("Tables whose rows carry the version that made them"),
  ...databaseObjects,
});
export type Database = z.infer<typeof Database>;
