import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import type { Table } from "../release/schema/rows";
import type { ConfigRowsInputs, ConfigRowsState, PinnedTable } from "../stacks/config-rows";
import { create, update } from "../stacks/config-rows.provider";
import { figureOf, type Figure } from "./figure";

/** Where a PostgreSQL answers. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

const count = 100_000;
const definition: Table = {
  key: "key",
  columns: { key: "text", value: "jsonb", note: "text", n: "bigint" },
  touched: "updated_at",
};

/**
 * A hundred thousand rows of which every one changes: our update, verified and in one transaction, against psql that
 * copies the same rows into a temporary table and upserts them, turn by turn. And our peak memory, in a process that
 * does nothing else.
 *
 * @param folder a folder of the project for the row files, below the working directory
 */
export async function rowFigures(server: Server, folder: string, runs: number): Promise<Figure[]> {
  mkdirSync(folder, { recursive: true });
  const database = new Client({ ...server, database: "postgres" });
  await database.connect();
  try {
    await database.query("drop table if exists bench_ours, bench_psql");
    let state = outsOf(await create(inputs(server, folder, version(folder, 0))));
    await database.query("create table bench_psql (like bench_ours including all)");
    await database.query("insert into bench_psql select * from bench_ours");
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 1; round <= runs + 1; round += 1) {
      const pinned = version(folder, round);
      const turns = [
        async () => {
          const began = performance.now();
          state = outsOf(await update(state, inputs(server, folder, pinned)));
          return [ours, performance.now() - began] as const;
        },
        () => Promise.resolve([theirs, psql(server, folder, round)] as const),
      ];
      for (const turn of round % 2 === 0 ? turns : turns.reverse()) {
        // Neither pays for what the other left to be written.
        await database.query("checkpoint");
        const [series, took] = await turn();
        // The first round warms up.
        if (round > 1) series.push(took);
      }
    }
    const peak = memory(server, folder, state, version(folder, runs + 2));
    return [
      figureOf("100,000 changed rows", ours, theirs, 1.3),
      figureOf("peak memory of 100,000 changed rows", [peak], [300], 1, "MB"),
    ];
  } finally {
    await database.query("drop table if exists bench_ours, bench_psql");
    await database.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function outsOf({ outs }: { readonly outs?: ConfigRowsState }): ConfigRowsState {
  if (outs === undefined) throw new Error("the provider answered no state");
  return outs;
}

/** The row file of a round, and the same rows for psql. */
function version(folder: string, round: number): PinnedTable {
  const rows = Array.from({ length: count }, (_, n) => ({
    key: `key-${n}`,
    value: { a: n + round, b: `text ${n}` },
    note: `note number ${n} of round ${round}`,
    n: n + round,
  }));
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const file = `${folder}/rows-${round}.jsonl`;
  writeFileSync(file, text);
  const tabbed = rows.map(({ key, value, note, n }) => `${key}\t${JSON.stringify(value)}\t${note}\t${n}\n`);
  writeFileSync(`${folder}/rows-${round}.tsv`, tabbed.join(""));
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  return { schema: "public", definition, digest, count, file, release: `r${round}` };
}

function inputs({ password, ...server }: Server, folder: string, pinned: PinnedTable): ConfigRowsInputs {
  const { host, port, user } = server;
  const connection = { host, port, user, database: "postgres", sslmode: "disable" as const };
  return { connection, password, records: folder, tables: { bench_ours: pinned } };
}

/** psql alone: COPY into a temporary table and one upsert. Returns how long it took, in milliseconds. */
function psql({ host, port, user, password }: Server, folder: string, round: number): number {
  const script = `\\set ON_ERROR_STOP 1
begin;
create temporary table incoming (key text, value jsonb, note text, n bigint) on commit drop;
\\copy incoming from '${folder}/rows-${round}.tsv'
insert into bench_psql (key, value, note, n) select * from incoming
  on conflict (key) do update set value = excluded.value, note = excluded.note, n = excluded.n, updated_at = now();
commit;
`;
  const began = performance.now();
  execFileSync("psql", ["--no-psqlrc", "--quiet", "-h", host, "-p", String(port), "-U", user, "postgres"], {
    input: script,
    env: { ...process.env, PGPASSWORD: password },
  });
  return performance.now() - began;
}

/** The most memory that an update took in a process of its own, in MB. */
function memory(server: Server, folder: string, state: ConfigRowsState, pinned: PinnedTable): number {
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
