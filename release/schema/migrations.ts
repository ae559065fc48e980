import { z } from "zod";

/** The name of a migration, without its extension; the digits in front order them. */
export const MigrationName = z.string().regex(/^[0-9]{1,17}[_-][A-Za-z0-9_-]{1,100}$/, {
  error: "expected the name of a migration such as 0003_add_locale",
});

/** The schema version as a release pins it: the last migration that has been applied. */
export const SchemaVersion = z.strictObject({ migration: MigrationName.optional() });
