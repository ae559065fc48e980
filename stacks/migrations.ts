import * as pulumi from "@pulumi/pulumi";
import type { Access } from "../checks/administrator";
import type { Loaded } from "../release/config";
import { migrationTables } from "../release/migration-tables";
import { digestsIn, readMigrations } from "../checks/migration-folder";
import { connectionOf } from "./database-objects";
import { ProjectResource } from "./project-resource";

/** Which migration is to be the last one that is applied, and which way this resource may go to get there. */
export interface MigrationsInputs extends Access {
  readonly direction: "up" | "down";
  readonly target: string;
  readonly folder: string;
  /** The schema in which unqualified names are looked up and made. */
  readonly schema: string;
  /** Where what ran is noted. */
  readonly tables: { readonly schema: string; readonly table: string };
  /** The digest of every file of the way, by name: a file that is another by the time it is to run is refused. */
  readonly files: Readonly<Record<string, string>>;
  /** The deployment that ended half-way last: the schema may be ahead of the state. */
  readonly after?: string;
}

type Args = { [K in keyof MigrationsInputs]: pulumi.Input<NonNullable<MigrationsInputs[K]>> };

/** The schema at the pinned migration. */
export class Migrations extends ProjectResource {
  constructor(name: string, args: Args, opts?: pulumi.CustomResourceOptions) {
    super("migrations.provider", "Migrations", name, args, { ...opts, additionalSecretOutputs: ["password"] });
  }
}

/**
 * The migrations of the pin, one way: those up come before rows and workloads, those down after them, so that no release
 * ever meets a schema that is older than itself. Nothing where the pin says nothing of the schema.
 */
export function declareMigrations(
  { settings, secrets }: Loaded,
  direction: "up" | "down",
  after: { readonly after?: string },
  opts: pulumi.CustomResourceOptions,
): Migrations[] {
  const { environment, pinned } = settings;
  const { database } = environment;
  const target = pinned.facets.schema.migration;
  const tables = migrationTables(database);
  if (database?.migrations === undefined || tables === undefined || target === undefined) return [];
  const { folder } = database.migrations;
  return [
    new Migrations(
      direction === "up" ? "migrations" : "migrations-down",
      {
        connection: connectionOf(database),
        password: pulumi.secret(secrets[database.administrator.password] ?? ""),
        direction,
        target,
        folder,
        schema: database.schema,
        tables,
        files: digestsOf(folder),
        ...after,
      },
      opts,
    ),
  ];
}

/** @throws pulumi.RunError when there is no such folder */
function digestsOf(folder: string): Record<string, string> {
  try {
    return digestsIn(readMigrations(process.cwd(), folder));
  } catch (error) {
    throw new pulumi.RunError(
      `environment.database.migrations.folder: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
