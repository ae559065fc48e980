import { z } from "zod";

/**
 * The name of a migration, without what ends its file's name; the number in front orders it. No quote, separator or control
 * character fits into it.
 */
export const MigrationName = z
  .string()
  .regex(/^[vV]?[0-9](?:[\p{L}\p{M}\p{N} ._+@,()-]{0,198}[\p{L}\p{M}\p{N}_+@,()-])?$/u, {
    error:
      "expected the name of a migration such as 0003_add_locale (begins with a number; at most 200 letters, digits, blanks and . _ - + @ , ( ))",
  });

/** The schema version as a release pins it: the last migration that has been applied. */
export const SchemaVersion = z.strictObject({ migration: MigrationName.optional() });
