import { escapeIdentifier, type ClientBase, type Pool } from "pg";
import type { Settings } from "../release/parse";
import {
  planMigrations,
  unrehearsed,
  type AppliedMigration,
  type MigrationPlan,
  type MigrationStep,
} from "../release/migration-plan";
import { digestTable, migrationTables, type MigrationTables } from "../release/migration-tables";
import type { Clients } from "./clients";
import { readMigrations } from "./migration-folder";
import type { Measurement, Probe } from "./probe";

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

/** The way from what is applied to what is pinned; undefined where the pin says nothing of the schema. */
export async function planLive(
  { environment, pinned }: Settings,
  clients: Clients,
): Promise<MigrationPlan | undefined> {
  const target = pinned.facets.schema.migration;
  const tables = migrationTables(environment.database);
  const folder = environment.database?.migrations?.folder;
  if (target === undefined || tables === undefined || folder === undefined) return undefined;
  return planMigrations(readMigrations(clients.project, folder), await readApplied(clients.database(), tables), target);
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
      let plan: MigrationPlan | undefined;
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
  plan: MigrationPlan | undefined,
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
  const told = plan.steps.map(({ name, direction }) => `${name} ${direction}`).join(", ");
  return { result: "passed", evidence: told === "" ? "nothing to run" : told };
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
