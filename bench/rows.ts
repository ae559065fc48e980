import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { columnsOf, rowTexts } from "../release/rows";
import { copyLine } from "../rows/copy";
import type { ConfigRowsInputs, ConfigRowsState, PinnedTable } from "../stacks/config-rows";
import { create, update } from "../stacks/config-rows.provider";
import { figureOf, type Figure } from "./figure";
import { mixedTables, plainTable, type BenchTable, type BenchTables } from "./row-tables";

/** Where a PostgreSQL answers. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/**
 * A hundred thousand rows of which every one changes: our update, verified and in one transaction, against psql that
 * copies the same rows into temporary tables and upserts them, turn by turn. Once in a plain table, and once in two with
 * foreign keys and mixed types. And our peak memory for each, in a process that does nothing else.
 *
 * @param folder a folder of the project for the row files, below the working directory
 */
export async function rowFigures(server: Server, folder: string, runs: number): Promise<Figure[]> {
  const plain = await figuresOf(plainTable, server, folder, runs);
  return [...plain, ...(await figuresOf(mixedTables, server, folder, runs))];
}

async function figuresOf(tables: BenchTables, server: Server, folder: string, runs: number): Promise<Figure[]> {
  mkdirSync(folder, { recursive: true });
  const database = new Client({ ...server, database: "postgres" });
  await database.connect();
  const drop = async (): Promise<void> => {
    const names = tables.tables.flatMap(({ name }) => [`bench_ours_${name}`, `bench_psql_${name}`]);
    await database.query(`drop table if exists ${names.join(", ")} cascade`);
  };
  try {
    await drop();
    if (tables.ddl !== "") {
      for (const side of ["ours", "psql"]) await database.query(tables.ddl.replaceAll("SIDE", side));
    }
    let state = outsOf(await create(inputs(server, folder, version(tables, folder, 0))));
    for (const { name } of tables.tables) {
      await database.query(`create table if not exists bench_psql_${name} (like bench_ours_${name} including all)`);
      await database.query(`insert into bench_psql_${name} select * from bench_ours_${name}`);
    }
    await database.query("analyze");
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 1; round <= runs + 1; round += 1) {
      const pinned = version(tables, folder, round);
      const turns = [
        async () => {
          const began = performance.now();
          state = outsOf(await update(state, inputs(server, folder, pinned)));
          return [ours, performance.now() - began] as const;
        },
        () => Promise.resolve([theirs, psql(tables, server, folder, round)] as const),
      ];
      for (const turn of round % 2 === 0 ? turns : turns.reverse()) {
        // Neither pays for what the other left to be written.
        await database.query("checkpoint");
        const [series, took] = await turn();
        // The first round warms up.
        if (round > 1) series.push(took);
      }
    }
    const peak = memory(server, folder, state, version(tables, folder, runs + 2));
    return [
      figureOf(tables.name, ours, theirs, 1.3),
      figureOf(`peak memory of ${tables.name}`, [peak], [300], 1, "MB"),
    ];
  } finally {
    await drop();
    await database.query("drop type if exists bench_mood");
    await database.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function outsOf({ outs }: { readonly outs?: ConfigRowsState }): ConfigRowsState {
  if (outs === undefined) throw new Error("the provider answered no state");
  return outs;
}

/** The row files of a round, and the same rows for psql. */
function version({ tables }: BenchTables, folder: string, round: number): ConfigRowsInputs["tables"] {
  return Object.fromEntries(tables.map((table) => [`bench_ours_${table.name}`, pinnedTable(table, folder, round)]));
}

function pinnedTable({ name, definition, count, row }: BenchTable, folder: string, round: number): PinnedTable {
  const rows = Array.from({ length: count }, (_, n) => row(n, round));
  const text = rows.map((each) => `${JSON.stringify(each)}\n`).join("");
  const file = `${folder}/${name}-${round}.jsonl`;
  writeFileSync(file, text);
  const tabbed = rows.map((each) => copyLine(rowTexts(each, columnsOf(definition))));
  writeFileSync(`${folder}/${name}-${round}.tsv`, tabbed.join(""));
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  return { schema: "public", definition, digest, count, file, release: `r${round}` };
}

function inputs({ password, ...server }: Server, folder: string, tables: ConfigRowsInputs["tables"]): ConfigRowsInputs {
  const { host, port, user } = server;
  const connection = { host, port, user, database: "postgres", sslmode: "disable" as const };
  return { connection, password, records: folder, tables };
}

/** psql alone: COPY into temporary tables and an upsert of each. Returns how long it took, in milliseconds. */
function psql({ tables }: BenchTables, server: Server, folder: string, round: number): number {
  const each = tables.map(({ name, definition }) => {
    const columns = columnsOf(definition);
    const names = columns.map(([column]) => column).join(", ");
    const sets = columns.slice(1).map(([column]) => `${column} = excluded.${column}`);
    return `create temporary table incoming_${name} (${columns.map((column) => column.join(" ")).join(", ")}) on commit drop;
\\copy incoming_${name} from '${folder}/${name}-${round}.tsv'
insert into bench_psql_${name} (${names}) select * from incoming_${name}
  on conflict (${columns[0]?.[0] ?? ""}) do update set ${sets.join(", ")}, updated_at = now();`;
  });
  const script = `\\set ON_ERROR_STOP 1\nbegin;\n${each.join("\n")}\ncommit;\n`;
  const { host, port, user, password } = server;
  const began = performance.now();
  execFileSync("psql", ["--no-psqlrc", "--quiet", "-h", host, "-p", String(port), "-U", user, "postgres"], {
    input: script,
    env: { ...process.env, PGPASSWORD: password },
  });
  return performance.now() - began;
}

/** The most memory that an update took in a process of its own, in MB. */
function memory(server: Server, folder: string, state: ConfigRowsState, pinned: ConfigRowsInputs["tables"]): number {
  const task = JSON.stringify({ state, news: inputs(server, folder, pinned) });
  const told = execFileSync(
    process.execPath,
    ["--require", join(__dirname, "..", "typescript.js"), join(__dirname, "rows-memory.ts")],
    {
      input: task,
      maxBuffer: 1024 * 1024,
    },
  );
  return Number(told.toString()) / 1_024;
}
