import type { Database } from "./schema/database";

/** The tables that say what has been applied: node-pg-migrate's own, and Rewind's with the digests beside it. */
export interface MigrationTables {
  readonly schema: string;
  readonly table: string;
}

/** Beside node-pg-migrate's own table: which file each migration was. */
export const digestTable = "rewind_migrations";

/** The schema of what Rewind notes in a database: only the administrator has it. */
const ownSchema = "rewind";

/** Where an environment notes its migrations; undefined when it has none. */
export function migrationTables(database: Database | undefined): MigrationTables | undefined {
  const { migrations } = database ?? {};
  if (database === undefined || migrations === undefined) return undefined;
  return { schema: migrations.schema ?? ownSchema, table: migrations.table ?? "pgmigrations" };
}
