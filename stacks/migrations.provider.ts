import { join } from "node:path";
import type { dynamic } from "@pulumi/pulumi";
import { escapeIdentifier, type ClientBase } from "pg";
import { PG_MIGRATE_LOCK_ID, runner } from "node-pg-migrate";
import { asAdministrator } from "../checks/administrator";
import { readApplied } from "../checks/migrations";
import { digestTable } from "../release/migration-tables";
import { readMigrations } from "../checks/migration-folder";
import { positionIn, type MigrationFile } from "../release/migration-files";
import { planMigrations, type Direction, type MigrationStep } from "../release/migration-plan";
import type { MigrationsInputs } from "./migrations";

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
 * node-pg-migrate's own advisory lock and, but for migrations that say that they cannot, in one transaction: after a
 * failure the schema is as it was.
 *
 * @returns the steps that ran
 * @throws Error that names the file, the line and the column
 */
export async function migrate(inputs: MigrationsInputs, project: string): Promise<readonly MigrationStep[]> {
  const { folder, target, tables, direction } = inputs;
  return asAdministrator(inputs, async (client) => {
    await client.query("set lock_timeout = '30s'");
    await client.query(`select pg_advisory_lock(${PG_MIGRATE_LOCK_ID})`).catch((error: unknown) => {
      if ((error as { code?: string }).code !== "55P03") throw error;
      throw new Error("another migration is running; nothing was run; wait for it, and run the same command again");
    });
    const files = readMigrations(project, folder);
    const { steps, problems } = planMigrations(files, await readApplied(client, tables), target);
    if (problems.length > 0) throw new Error(`${folder}: nothing was run: ${problems.join("; ")}`);
    const pending = steps.filter((step) => step.direction === direction);
    const changed = pending.find(({ name, digest }) => inputs.files[name] !== digest);
    if (changed !== undefined) {
      throw new Error(`${folder}/${changed.name}.sql is not the file that was planned; nothing was run`);
    }
    if (pending.length === 0) return [];
    await ensureDigestTable(client, inputs);
    for (const group of groupsOf(pending, files)) await runGroup(client, inputs, project, files, group);
    return pending;
  });
}

/** Steps that go together: as many as there are until one that must be alone. */
function groupsOf(steps: readonly MigrationStep[], files: readonly MigrationFile[]): MigrationStep[][] {
  const alone = (step: MigrationStep): boolean => files.find(({ name }) => name === step.name)?.alone === true;
  const groups: MigrationStep[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    const before = last?.[0];
    if (last === undefined || before === undefined || alone(step) || alone(before)) groups.push([step]);
    else last.push(step);
  }
  return groups;
}

async function ensureDigestTable(client: ClientBase, { tables }: MigrationsInputs): Promise<void> {
  await client.query(
    `create table if not exists ${digests(tables)} (name text primary key, digest text not null, applied_at timestamptz not null default now())`,
  );
}

const digests = ({ schema }: MigrationsInputs["tables"]): string =>
  `${escapeIdentifier(schema)}.${escapeIdentifier(digestTable)}`;

async function runGroup(
  client: ClientBase,
  inputs: MigrationsInputs,
  project: string,
  files: readonly MigrationFile[],
  group: readonly MigrationStep[],
): Promise<void> {
  const { folder, schema, tables, direction } = inputs;
  const alone = files.find(({ name }) => name === group[0]?.name)?.alone === true;
  let current: MigrationFile | undefined;
  // What is noted beside the library's own table is noted in the same transaction. Names and digests are of a shape
  // that no quote fits into.
  const note = ({ name, digest }: MigrationFile): string =>
    direction === "up"
      ? `insert into ${digests(tables)} (name, digest) values ('${name}', '${digest}') on conflict (name) do update set digest = excluded.digest, applied_at = now()`
      : `delete from ${digests(tables)} where name = '${name}'`;
  const silent = () => undefined;
  try {
    await runner({
      dbClient: client,
      dir: join(project, folder),
      direction,
      count: group.length,
      migrationsTable: tables.table,
      migrationsSchema: tables.schema,
      schema,
      checkOrder: true,
      singleTransaction: !alone,
      // Holding since before the plan was made.
      noLock: true,
      logger: { debug: silent, info: silent, warn: silent, error: silent },
      // What runs is what was read and compared, not what the file holds a moment later.
      migrationLoaderStrategies: [
        {
          extensions: [".sql"],
          loader: (paths: string[]) =>
            Promise.resolve(
              paths.flatMap((path) => {
                const file = files.find(({ name }) => path.endsWith(`/${name}.sql`) || path.endsWith(`\\${name}.sql`));
                if (file === undefined) return [];
                const actions = (section: MigrationFile["down"]) =>
                  section === undefined
                    ? false
                    : (pgm: { sql(text: string): void; noTransaction(): void }) => {
                        current = file;
                        if (file.alone) pgm.noTransaction();
                        if (!file.alone) pgm.sql(`select set_config('rewind.migration', '${file.name}', true)`);
                        pgm.sql(section.sql);
                        if (!file.alone) pgm.sql(stillWhole(file));
                        pgm.sql(note(file));
                      };
                return [{ id: path, filePaths: [path], actions: { up: actions(file.up), down: actions(file.down) } }];
              }),
            ),
        },
      ] as never,
    });
  } catch (error) {
    throw new Error(described(error, folder, current, direction, alone));
  }
}

/** PostgreSQL has no error of this class. */
const ended = "RW001";

/** A setting of the transaction is gone with it: whoever ended it by means that no reading of the file sees is told. */
const stillWhole = ({ name }: MigrationFile): string =>
  `do $rewind$ begin if current_setting('rewind.migration', true) is distinct from '${name}' then raise exception 'it ended its own transaction' using errcode = '${ended}'; end if; end $rewind$`;

function described(
  error: unknown,
  folder: string,
  file: MigrationFile | undefined,
  direction: Direction,
  alone: boolean,
): string {
  const { message, code, position } = error as { message: string; code?: string; position?: string };
  const section = file?.[direction];
  const place =
    section === undefined || position === undefined ? undefined : positionIn(section, Number.parseInt(position, 10));
  const where = file === undefined ? folder : `${folder}/${file.name}.sql`;
  const at = place === undefined ? "" : `:${place.line}:${place.column}`;
  const left = alone
    ? "it runs outside of a transaction, so look at what it left behind"
    : code === ended
      ? "what stood before that remains, so look at what it left behind"
      : "nothing of it remains";
  return `${where}${at} (${direction}): ${message}${code === undefined ? "" : ` [${code}]`}; ${left}; correct it and run the same command again`;
}
