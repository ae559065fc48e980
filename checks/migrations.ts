import { escapeIdentifier, type ClientBase, type Pool } from "pg";
import type { Migration } from "../release/migration-files";
import type { Settings } from "../release/parse";
import {
  planMigrations,
  transactionsOf,
  unrehearsed,
  type AppliedMigration,
  type MigrationPlan,
  type MigrationStep,
} from "../release/migration-plan";
import { digestTable, migrationTables, type MigrationTables } from "../release/migration-tables";
import type { Clients } from "./clients";
import { migrationCode } from "./migration-code";
import { readMigrations } from "./migration-folder";
import type { Measurement, Probe } from "./probe";
import { refuseSharedTable } from "../rows/own-tables";

/** What has been applied, in the order in which it was; nothing where there is no table, or no database yet. */
export async function readApplied(
  client: Pool | ClientBase,
  { schema, table }: MigrationTables,
): Promise<AppliedMigration[]> {
  const full = (name: string): string => `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
  try {
    const { rows: there } = await client.query<{ own: boolean; digests: boolean }>(
      "select to_regclass($1) is not null as own, to_regclass($2) is not null as digests",
      [full(table), full(digestTable)],
    );
    if (there[0]?.own !== true) return [];
    // Who can write there says what has run.
    await refuseSharedTable(client, { schema, name: table });
    if (there[0].digests) await refuseSharedTable(client, { schema, name: digestTable });
    const digests = there[0].digests ? `(select digest from ${full(digestTable)} d where d.name = m.name)` : "null";
    const { rows } = await client.query<{ name: string; digest: string | null }>(
      `select m.name, ${digests} as digest from ${full(table)} m order by m.run_on, m.id`,
    );
    return rows.map(({ name, digest }) => ({ name, digest: digest ?? undefined }));
  } catch (error) {
    // Before the first deployment the server is there and the database is not.
    if ((error as { code?: string }).code === "3D000") return [];
    throw error;
  }
}

/** The tables in which other tools note what they have run. */
const foreignTables =
  "_prisma_migrations flyway_schema_history goose_db_version schema_migrations gorp_migrations _sqlx_migrations __diesel_schema_migrations atlas_schema_revisions __drizzle_migrations".split(
    " ",
  );

/**
 * The way to the target from what is noted in the database. Where nothing was ever noted and another tool has a table of
 * its own there, its migrations have run: to run them again would do their work twice. The same holds for a table of
 * node-pg-migrate that stands in the application's schema while Rewind's own schema has none.
 *
 * @param application the application's schema
 */
export async function planAgainst(
  client: Pool | ClientBase,
  files: readonly Migration[],
  tables: MigrationTables,
  target: string,
  application: string,
): Promise<MigrationPlan> {
  const applied = await readApplied(client, tables);
  const plan = await withoutForeignCode(client, planMigrations(files, applied, target), application);
  if (applied.length > 0) return plan;
  const own = `${escapeIdentifier(tables.schema)}.${escapeIdentifier(tables.table)}`;
  const { rows } = await client
    .query<{ name: string; table: string }>(
      "select format('%I.%I', schemaname, tablename) as name, tablename as table from pg_tables where to_regclass($1) is null and schemaname in ($2, $3, 'supabase_migrations') and tablename = any ($4) order by 1",
      [own, tables.schema, application, [...foreignTables, tables.table]],
    )
    .catch((error: unknown) => {
      if ((error as { code?: string }).code === "3D000") return { rows: [] };
      throw error;
    });
  const [other] = rows;
  if (other === undefined) return plan;
  if (other.table === tables.table) {
    const move = `create schema if not exists ${tables.schema}; alter table ${other.name} set schema ${tables.schema}; alter table if exists ${escapeIdentifier(application)}.${digestTable} set schema ${tables.schema}`;
    const problem = `${other.name} says that migrations have run here, and nothing is noted in ${own}; move it to where only the administrator writes (${move}), or name its schema: environment.database.migrations.schema: ${application}`;
    return { steps: [], problems: [problem] };
  }
  const problem = `${other.name} says that another tool has run migrations here, and nothing is noted in ${own}; make it (create table ${own} (id serial primary key, name varchar(255) not null, run_on timestamp not null)) and note in it, in order, what has run (insert into ${own} (name, run_on) values ('${files[0]?.name ?? "…"}', now()))`;
  return { steps: [], problems: [problem] };
}

/** The same plan, refused where its migrations would run what a role says that is not trusted. */
async function withoutForeignCode(
  client: Pool | ClientBase,
  plan: MigrationPlan,
  application: string,
): Promise<MigrationPlan> {
  const problems = await migrationCode(client, plan.steps, application).catch((error: unknown) => {
    // Before the first deployment the server is there and the database is not.
    if ((error as { code?: string }).code === "3D000") return [];
    throw error;
  });
  return problems.length === 0 ? plan : { steps: [], problems: [...plan.problems, ...problems] };
}

/** The way from what is applied to what is pinned, and the files of the folder that are no migrations. */
export interface LivePlan extends MigrationPlan {
  readonly ignored: readonly string[];
}

/** Undefined where the pin says nothing of the schema. */
export async function planLive({ environment, pinned }: Settings, clients: Clients): Promise<LivePlan | undefined> {
  const target = pinned.facets.schema.migration;
  const tables = migrationTables(environment.database);
  const { migrations: where, schema } = environment.database ?? {};
  const folder = where?.folder;
  if (target === undefined || tables === undefined || folder === undefined || schema === undefined) return undefined;
  const { migrations, ignored } = readMigrations(clients.project, folder);
  return { ...(await planAgainst(clients.database(), migrations, tables, target, schema)), ignored };
}

/**
 * Whether the pinned migration can be reached: every file is there and the one that it was, the order holds, every way
 * down has one, and production goes no way down that has not been tried.
 */
export function migrationProbes(
  settings: Settings,
  clients: Clients,
  known: { readonly rehearsed: readonly MigrationStep[]; readonly migrations: readonly (string | undefined)[] },
): Probe[] {
  const { environment, pinned } = settings;
  const target = pinned.facets.schema.migration;
  const tables = migrationTables(environment.database);
  if (target === undefined || tables === undefined) return [];
  const way: Probe = {
    name: `migrations to ${target}`,
    factual: true,
    ask: async () => {
      let plan: LivePlan | undefined;
      try {
        plan = await planLive(settings, clients);
      } catch (error) {
        // What is wrong with a file is a fact; a database that does not answer is asked again.
        if ((error as { code?: string }).code !== undefined) throw error;
        return { result: "failed", evidence: error instanceof Error ? error.message : String(error) };
      }
      return measurePlan(plan, settings, known.rehearsed);
    },
  };
  const expected = known.migrations;
  if (expected.length === 0) return [way];
  return [
    way,
    {
      name: `schema ${tables.schema}`,
      factual: true,
      ask: async () => {
        const last = (await readApplied(clients.database(), tables)).at(-1)?.name;
        const allowed = [...expected, target];
        // A stack that was destroyed took its database along; an update that stopped half-way may stand between.
        if (last === undefined || allowed.includes(last) || expected.includes(undefined)) {
          return { result: "passed", evidence: `stands at ${last ?? "nothing"}` };
        }
        const was = [...new Set(expected)].join(" or ");
        return {
          result: "failed",
          evidence: `changed behind Rewind's back: stands at ${last}, last applied was ${was}`,
        };
      },
    },
  ];
}

function measurePlan(
  plan: LivePlan | undefined,
  { environment }: Settings,
  rehearsed: readonly MigrationStep[],
): Measurement {
  if (plan === undefined) return { result: "passed", evidence: "nothing to run" };
  if (plan.problems.length > 0) return { result: "failed", evidence: plan.problems.slice(0, 20).join("; ") };
  const untried = environment.kind === "production" ? unrehearsed(plan.steps, rehearsed) : [];
  if (untried.length > 0) {
    const names = untried.map(({ name, digest }) => `${name} (${digest.slice(0, 19)}…)`).join(", ");
    const where = environment.database?.migrations?.rehearsal;
    const next =
      where === undefined
        ? "name the log of the stack that rehearses as database.migrations.rehearsal"
        : `run the same files down there first; its log is ${where}`;
    return { result: "failed", evidence: `production goes no way down that was not rehearsed: ${names}; ${next}` };
  }
  return { result: "passed", evidence: evidenceOf(plan) };
}

/** What would run, in which transactions, and which files nobody reads. */
function evidenceOf({ steps, ignored }: LivePlan): string {
  const groups = (["down", "up"] as const)
    .flatMap((direction) => transactionsOf(steps.filter((step) => step.direction === direction)))
    .map((group) => group.map(({ name, direction }) => `${name} ${direction}`).join(", "));
  const run = groups.length === 0 ? "nothing to run" : groups.join("; then in a transaction of its own ");
  const most = 5;
  const more = ignored.length > most ? ` and ${ignored.length - most} more` : "";
  return ignored.length === 0 ? run : `${run}; not migrations: ${ignored.slice(0, most).join(", ")}${more}`;
}

/** Whether the last migration that is applied is the pinned one, and every one before it, from the files that are there. */
export async function measureMigrations(settings: Settings, clients: Clients): Promise<Measurement> {
  const target = settings.pinned.facets.schema.migration ?? "";
  const plan = await planLive(settings, clients);
  const { problems = [], steps = [] } = plan ?? {};
  if (problems.length > 0) return { result: "failed", evidence: `ROLLBACK FAILED: ${problems.join("; ")}` };
  if (steps.length > 0) {
    const missing = steps.map(({ name, direction }) => `${name} ${direction}`).join(", ");
    return {
      result: "failed",
      evidence: `ROLLBACK FAILED: the schema does not stand at ${target}: ${missing} did not run`,
    };
  }
  return { result: "passed", evidence: `ROLLBACK SUCCESS: the schema stands at ${target}` };
}
