import type { Row, Table } from "../release/schema/rows";

/** One table of a round of the bench, and how many rows it has. */
export interface BenchTable {
  /** What its two copies are called after `bench_ours_` and `bench_psql_`. */
  readonly name: string;
  readonly definition: Table;
  readonly count: number;
  /** The row of that number in a round; every value but the key is another one in every round. */
  readonly row: (n: number, round: number) => Row;
}

/** Tables whose rows change together. */
export interface BenchTables {
  /** As the figure names them. */
  readonly name: string;
  /** Makes both copies where the provider would make others; `SIDE` stands for `ours` and `psql`. */
  readonly ddl: string;
  /** In an order in which psql can write them. */
  readonly tables: readonly BenchTable[];
}

const pad = (n: number, length: number): string => n.toString(16).padStart(length, "0");
const uuid = (n: number): string => `${pad(n, 8)}-8b86-4011-b42d-${pad(n, 12)}`;

/** A hundred thousand rows of a table of plain types. */
export const plainTable: BenchTables = {
  name: "100,000 changed rows",
  ddl: "",
  tables: [
    {
      name: "plain",
      definition: {
        key: "key",
        columns: { key: "text", value: "jsonb", note: "text", n: "bigint" },
        touched: "updated_at",
      },
      count: 100_000,
      row: (n, round) => ({
        key: `key-${n}`,
        value: { a: n + round, b: `text ${n}` },
        note: `note number ${n} of round ${round}`,
        n: n + round,
      }),
    },
  ],
};

const plans = 1_000;
const rates = 99_000;

/** As many rows in two tables with foreign keys from one to the other and to itself, a unique column and nine types. */
export const mixedTables: BenchTables = {
  name: "100,000 changed rows with foreign keys and mixed types",
  ddl: `
    do $$ begin create type bench_mood as enum ('sad', 'ok', 'fine'); exception when duplicate_object then null; end $$;
    create table bench_SIDE_plans (id uuid primary key, title text not null unique, mood bench_mood not null,
      updated_at timestamptz not null default now());
    create table bench_SIDE_rates (id bigint primary key, plan uuid not null references bench_SIDE_plans,
      previous bigint references bench_SIDE_rates, amount numeric(18, 6) not null, settings jsonb,
      valid_from timestamptz not null, tags text[] not null, code uuid not null, signature bytea, mood bench_mood not null,
      updated_at timestamptz not null default now())`,
  tables: [
    {
      name: "plans",
      definition: {
        key: "id",
        columns: { id: "uuid", title: "text", mood: "bench_mood" },
        touched: "updated_at",
      },
      count: plans,
      row: (n, round) => ({ id: uuid(n), title: `plan ${n} of round ${round}`, mood: moods[(n + round) % 3] ?? null }),
    },
    {
      name: "rates",
      definition: {
        key: "id",
        columns: {
          ...{ id: "bigint", plan: "uuid", previous: "bigint", amount: "numeric(18,6)", settings: "jsonb" },
          ...{ valid_from: "timestamptz", tags: "text[]", code: "uuid", signature: "bytea", mood: "bench_mood" },
        },
        touched: "updated_at",
      },
      count: rates,
      row: (n, round) => ({
        id: n,
        plan: uuid((n + round) % plans),
        previous: n === 0 ? null : (n + round) % n,
        amount: `${n}.${String(round).padStart(6, "0")}`,
        settings: { limit: n + round, regions: ["eu", "us"], note: `text ${n}` },
        valid_from: new Date(1_735_689_600_000 + (n + round) * 1_000).toISOString(),
        tags: [`tag ${n % 50}`, `round ${round}`],
        code: uuid(n + round),
        signature: `\\x${pad(n + round, 32)}`,
        mood: moods[(n + round) % 3] ?? null,
      }),
    },
  ],
};

const moods = ["sad", "ok", "fine"] as const;
