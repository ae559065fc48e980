import { z } from "zod";
import { Name, PlainSqlIdentifier, ProjectPath, SecretName, SqlIdentifier } from "../primitives";
import { Text } from "./common";

/** A type as PostgreSQL spells it. Types have no quoted form in SQL, so nothing but this shape is let through. */
const SqlType = z
  .string()
  .max(100)
  .regex(
    /^[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)?(?: (?:precision|varying|with time zone|without time zone))?(?:\([0-9]{1,4}(?:, ?[0-9]{1,4})?\))?(?:\[\])?$/,
    {
      error: "expected a type such as uuid, numeric(10,2) or text[]",
    },
  );

/** An update that changes a role leaves it in these groups alone: the vendor's plugin takes all other memberships away. */
export const memberOf = z
  .array(SqlIdentifier)
  .max(50)
  .optional()
  .describe("The roles whose rights it has, those too that the stack does not declare");

/** A role. There is no way to say superuser, for then nothing that is declared here would hold for it. */
export const Role = z.strictObject({
  login: z.boolean().optional().describe("Whether it can open a session; a group cannot"),
  password: SecretName.optional(),
  connectionLimit: z.int().min(1).max(10_000).optional(),
  memberOf,
});
export type Role = z.infer<typeof Role>;

/** A schema beside the application's own. */
export const Schema = z.strictObject({ owner: SqlIdentifier.optional() });

/** An extension, such as pgcrypto. */
export const Extension = z.strictObject({
  schema: SqlIdentifier.optional(),
  version: z
    .string()
    .regex(/^[0-9A-Za-z][0-9A-Za-z._-]{0,30}$/, { error: "expected a version such as 1.3" })
    .optional(),
});

/** The name of an extension, which may have a dash: uuid-ossp. */
export const ExtensionName = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]{0,62}$/, { error: "expected the name of an extension such as pgcrypto" });

/** A function of the database, such as public.is_member_of. */
export const SqlFunction = z.strictObject({
  name: PlainSqlIdentifier.optional().describe("Its name in the database, where two have the same name"),
  schema: PlainSqlIdentifier.optional().describe("The schema (default: public)"),
  args: z
    .array(z.strictObject({ name: PlainSqlIdentifier, type: SqlType }))
    .max(50)
    .optional(),
  returns: z.union([SqlType, z.string().regex(/^setof [a-z_][a-z0-9_.]{0,100}$/)], {
    error: "expected a type such as boolean, or setof uuid",
  }),
  language: z.enum(["sql", "plpgsql"], { error: "expected sql or plpgsql" }),
  volatility: z
    .enum(["volatile", "stable", "immutable"], { error: "expected volatile, stable or immutable" })
    .optional(),
  strict: z.boolean().optional(),
  securityDefiner: z.boolean().optional().describe("Runs with the rights of its owner; needs a searchPath"),
  searchPath: z
    .array(SqlIdentifier)
    .min(1)
    .max(10)
    .optional()
    .describe("The schemas in which unqualified names are looked up; pg_temp is put last"),
  body: z.union([z.string().min(1).max(32_768), z.strictObject({ file: ProjectPath })], {
    error: "expected the text of the function, or {file: …}",
  }),
});

const privileges = {
  database: ["CREATE", "CONNECT", "TEMPORARY"],
  schema: ["CREATE", "USAGE"],
  table: ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"],
  sequence: ["USAGE", "SELECT", "UPDATE"],
} as const;

const common = {
  role: SqlIdentifier.describe("The receiver; public is everybody"),
  toEverybody: Text.optional().describe("Why production may grant this to everybody"),
};
const chosen = <const T extends readonly [string, ...string[]]>(names: T) =>
  z.array(z.enum(names, { error: `expected some of ${names.join(", ")}` })).min(1);

/** What a role may do, by the kind of object. */
export const Grant = z.discriminatedUnion(
  "objectType",
  [
    z.strictObject({ objectType: z.literal("database"), ...common, privileges: chosen(privileges.database) }),
    z.strictObject({
      objectType: z.literal("schema"),
      ...common,
      schema: SqlIdentifier,
      privileges: chosen(privileges.schema),
    }),
    z.strictObject({
      objectType: z.literal("table"),
      ...common,
      schema: SqlIdentifier,
      objects: z.array(SqlIdentifier).min(1).max(200).describe("Tables and views by name"),
      privileges: chosen(privileges.table),
    }),
    z.strictObject({
      objectType: z.literal("sequence"),
      ...common,
      schema: SqlIdentifier,
      objects: z.array(SqlIdentifier).min(1).max(200),
      privileges: chosen(privileges.sequence),
    }),
  ],
  { error: "expected an objectType: database, schema, table or sequence" },
);

/** Migrations of the schema, plain SQL files with a section up and a section down. */
export const Migrations = z.strictObject({
  folder: ProjectPath,
  table: SqlIdentifier.optional().describe("Where node-pg-migrate notes what ran; pgmigrations unless said"),
  schema: SqlIdentifier.optional().describe(
    "The schema of that table (default: rewind, which only the administrator has)",
  ),
  rehearsal: ProjectPath.optional().describe(
    "The log of the stack on which a way down must have run before production",
  ),
});

/** Where the server archives its log, and where base backups lie: what point-in-time recovery needs. */
export const Recovery = z.strictObject({
  archive: z
    .string()
    .regex(/^\/[A-Za-z0-9._/-]{1,300}$/, { error: "expected the absolute path of the archive's folder" })
    .describe("The folder to which the server's archive_command copies"),
  baseBackups: z
    .string()
    .regex(/^\/[A-Za-z0-9._/-]{1,300}$/, { error: "expected the absolute path of a folder" })
    .describe("The folder of base backups"),
  programs: z
    .string()
    .regex(/^\/[A-Za-z0-9._/-]{1,300}$/, { error: "expected the absolute path of a folder" })
    .optional()
    .describe("The folder of pg_basebackup and postgres, of the server's own major version; the PATH unless said"),
});

/** What stands in a database beside the application's own role, schema and tables. */
export const databaseObjects = {
  roles: z.record(SqlIdentifier, Role).optional(),
  schemas: z.record(SqlIdentifier, Schema).optional(),
  extensions: z.record(ExtensionName, Extension).optional(),
  functions: z.record(Name, SqlFunction).optional(),
  grants: z.record(Name, Grant).optional(),
  migrations: Migrations.optional(),
  recovery: Recovery.optional(),
};
export type SqlFunction = z.infer<typeof SqlFunction>;
export type Grant = z.infer<typeof Grant>;
export type Migrations = z.infer<typeof Migrations>;
export type Recovery = z.infer<typeof Recovery>;
