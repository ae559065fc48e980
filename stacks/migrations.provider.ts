import type { dynamic } from "@pulumi/pulumi";
import { escapeIdentifier, escapeLiteral, type Client, type ClientBase } from "pg";
import { asAdministrator } from "../checks/administrator";
import { readMigrations } from "../checks/migration-folder";
import { planAgainst } from "../checks/migrations";
import { logged, transactionsOf, type MigrationStep, type PlannedStep } from "../release/migration-plan";
import { digestTable } from "../release/migration-tables";
import { ensureOwnSchema, ownSchema, refuseSharedTable } from "../rows/own-tables";
import { exactTexts, settingsSql } from "../rows/session";
import { explain, MigrationFailure } from "./migration-failure";
import type { MigrationsInputs } from "./migrations";

/** The key of the advisory lock that node-pg-migrate takes: the two never run at once. */
const lockKey = "7241865325823964";

/** How long a migration waits for a lock, while everything else waits behind it. A file may set another limit. */
export const lockTimeout = "30s";

/** Runs what is pending, for the first time. */
export async function create(inputs: MigrationsInputs): Promise<dynamic.CreateResult<MigrationsInputs>> {
  await migrate(inputs, process.cwd());
  return { id: `${inputs.connection.database}.${inputs.tables.schema}.${inputs.tables.table}`, outs: inputs };
}

/** Runs what is pending. */
export async function update(inputs: MigrationsInputs): Promise<dynamic.UpdateResult<MigrationsInputs>> {
  await migrate(inputs, process.cwd());
  return { outs: inputs };
}

/**
 * Brings the database to the target migration in the one direction that is allowed here. Everything runs under
 * node-pg-migrate's own advisory lock and, but for what cannot, in one transaction: after a failure the schema is as it
 * was.
 *
 * @returns the steps that ran
 * @throws Error that names the file, the line and the column, and what remains
 */
export async function migrate(inputs: MigrationsInputs, project: string): Promise<readonly MigrationStep[]> {
  const { folder, target, tables, direction } = inputs;
  return asAdministrator(inputs, async (client) => {
    await prepareSession(client);
    await client.query(`select pg_advisory_lock(${lockKey})`).catch((error: unknown) => {
      if ((error as { code?: string }).code !== "55P03") throw error;
      throw new Error("another migration is running; nothing was run; wait for it, and run the same command again");
    });
    const { migrations } = readMigrations(project, folder);
    const { steps, problems } = await planAgainst(client, migrations, tables, target, inputs.schema);
    if (problems.length > 0) throw new Error(`${folder}: nothing was run: ${problems.join("; ")}`);
    // What runs is what was read and compared, not what a file holds a moment later.
    const pending = steps.filter((step) => step.direction === direction);
    const changed = pending.find(({ name, digest }) => inputs.files[name] !== digest);
    if (changed !== undefined) {
      throw new Error(`${folder}: ${changed.name} is not the migration that was planned; nothing was run`);
    }
    if (pending.length === 0) return [];
    await ensureTables(client, inputs);
    const applied: string[] = [];
    for (const group of transactionsOf(pending)) {
      const [first] = group;
      const alone = first?.file[direction]?.alone === true;
      try {
        if (first !== undefined && alone) await runAlone(client, inputs, first);
        else await runTogether(client, inputs, group);
      } catch (error) {
        throw explain(error, { folder, direction, applied });
      }
      applied.push(...group.map(({ name }) => name));
    }
    return pending.map(logged);
  });
}

/**
 * The session as every migration finds it, whatever the one before it has set. The limits of a role are for what it asks
 * day by day; a migration takes as long as it takes, but does not hold up others for a lock.
 *
 * @param schema where the migration looks names up; without one Rewind itself asks, and looks up nothing of others
 */
async function prepareSession(client: ClientBase, schema?: string): Promise<void> {
  const path = schema === undefined ? "pg_catalog" : escapeIdentifier(schema);
  const switchedOff = [
    "statement_timeout",
    "transaction_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
  ];
  // What is asked of catalogues is short; compiling it takes a thousand times as long as running it.
  if (schema === undefined) switchedOff.push("jit");
  await client.query(
    `reset session authorization; reset role; reset all; ${settingsSql(exactTexts)}; set search_path to ${path}; set lock_timeout = '${lockTimeout}'; select pg_catalog.set_config(name, '0', false) from pg_catalog.pg_settings where name in (${switchedOff.map((name) => escapeLiteral(name)).join(", ")})`,
  );
}

const qualified = (schema: string, table: string): string => `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;

/** The table of node-pg-migrate, so that either can go on where the other stopped, and the digests beside it. */
async function ensureTables(client: ClientBase, { tables: { schema, table } }: MigrationsInputs): Promise<void> {
  if (schema === ownSchema) await ensureOwnSchema(client);
  for (const [name, columns] of [
    [table, "id serial primary key, name varchar(255) not null, run_on timestamp not null"],
    [digestTable, "name text primary key, digest text not null, applied_at timestamptz not null default now()"],
  ] as const) {
    const full = qualified(schema, name);
    const { rows } = await client.query("select 1 where to_regclass($1) is null", [full]);
    if (rows.length > 0) await client.query(`create table ${full} (${columns})`);
    await refuseSharedTable(client, { schema, name });
  }
}

/** Notes what ran, in the transaction in which it did where there is one. */
async function note(client: ClientBase, { tables }: MigrationsInputs, step: PlannedStep): Promise<void> {
  const { name, digest } = step;
  const [own, digests] = [qualified(tables.schema, tables.table), qualified(tables.schema, digestTable)];
  if (step.direction === "down") {
    await client.query(`delete from ${own} where name = $1`, [name]);
    await client.query(`delete from ${digests} where name = $1`, [name]);
    return;
  }
  await client.query(`insert into ${own} (name, run_on) values ($1, now())`, [name]);
  await client.query(
    `insert into ${digests} (name, digest) values ($1, $2) on conflict (name) do update set digest = excluded.digest, applied_at = now()`,
    [name, digest],
  );
}

async function transaction(client: ClientBase, work: () => Promise<void>): Promise<void> {
  await client.query("begin");
  try {
    await work();
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

const currentTransaction = async (client: ClientBase): Promise<string> =>
  (await client.query<{ id: string }>("select txid_current() as id")).rows[0]?.id ?? "";

/** Sends some statements as one text, and tells of each that the server has completed. */
async function counting(client: Client, completed: () => void, sql: string): Promise<void> {
  const { connection } = client;
  connection.on("commandComplete", completed);
  try {
    await client.query(sql);
  } finally {
    connection.off("commandComplete", completed);
  }
}

async function runTogether(client: Client, inputs: MigrationsInputs, group: readonly PlannedStep[]): Promise<void> {
  let step = group[0];
  let failed: number | undefined;
  try {
    await transaction(client, async () => {
      const id = await currentTransaction(client);
      for (step of group) {
        await prepareSession(client, inputs.schema);
        failed = 0;
        await counting(client, () => (failed = (failed ?? 0) + 1), step.file[step.direction]?.sql ?? "");
        failed = undefined;
        // The text was read for this; a setting such as standard_conforming_strings may make PostgreSQL read it otherwise.
        if ((await currentTransaction(client)) !== id) throw new Error("it ended its own transaction");
        await prepareSession(client);
        await note(client, inputs, step);
      }
    });
  } catch (error) {
    const ended = error instanceof Error && error.message === "it ended its own transaction";
    throw new MigrationFailure(
      error,
      step,
      ended ? { kind: "broken" } : { kind: "nothing", ...(failed === undefined ? {} : { failed }) },
    );
  }
}

async function runAlone(client: ClientBase, inputs: MigrationsInputs, step: PlannedStep): Promise<void> {
  const section = step.file[step.direction];
  if (section === undefined) return;
  await prepareSession(client, inputs.schema);
  for (const [index, { start, end }] of section.statements.entries()) {
    try {
      await client.query(section.sql.slice(start, end));
    } catch (error) {
      throw new MigrationFailure(error, step, { kind: "statements", index });
    }
  }
  try {
    await prepareSession(client);
    await transaction(client, () => note(client, inputs, step));
  } catch (error) {
    throw new MigrationFailure(error, step, { kind: "statements", index: section.statements.length });
  }
}

/** What the engine calls. */
export const provider: dynamic.ResourceProvider<MigrationsInputs, MigrationsInputs> = {
  create,
  update: (_id, _olds, news) => update(news),
  // A pin that says nothing of the schema leaves it as it is.
  delete: () => Promise.resolve(),
};
