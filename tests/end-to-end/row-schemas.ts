import fc from "fast-check";
import type { Row, Table } from "../../release/schema/rows";

/** A few tables, what stands in them beside the pinned rows, and two sets of pinned rows. */
export interface GeneratedSchema {
  /** Makes the tables. */
  readonly ddl: string;
  readonly definitions: Readonly<Record<string, Table>>;
  readonly before: Readonly<Record<string, readonly Row[]>>;
  readonly after: Readonly<Record<string, readonly Row[]>>;
}

/** Types with two texts each at least; the first list may be keys. */
const keyTypes: Readonly<Record<string, readonly Row[string][]>> = {
  integer: [1, 2, 3, 40, -5],
  bigint: ["9007199254740993", 2, "-9223372036854775808", 7, 8],
  text: ["a", "B", 'q"\\', "", "é", "back\\slash"],
  "varchar(8)": ["a", "b", "c d", "\t", "NULL"],
  uuid: [1, 2, 3, 4, 5].map((n) => `6f9619ff-8b86-d011-b42d-00cf4fc964f${n}`),
  date: ["2025-01-01", "infinity", "0044-03-15 BC", "2024-02-29", "-infinity"],
  timestamptz: [
    "2025-01-01 00:00:00+00",
    "infinity",
    "2025-01-01 00:00:00.000001+00",
    "1999-12-31 23:00-01",
    "-infinity",
  ],
  "numeric(6,2)": ["1.50", "NaN", -3, "0.01", 1000],
  interval: ["1 day", "-3 mons", "00:00:01", "1 year", "2 days 03:04:05"],
  mood: ["sad", "ok", "fine", "glad", "mad"],
  boolean: [true, false],
};
const valueTypes: typeof keyTypes = {
  ...keyTypes,
  jsonb: [{ a: [1, null] }, "x", [], 1.5],
  json: [{ b: 1, a: 2 }, [1], "y"],
  "text[]": [["a", null], [], ['"{},\\'], [["x"], ["y"]]],
  "bigint[]": [["9007199254740993"], [], [1, null]],
  int4range: ["[1,5)", "empty", "(,)"],
  money: ["$1.00", "$2.50", "-$3.00"],
  "bit(3)": ["101", "000"],
  bytea: ["\\x00ff", "\\x"],
  "double precision": ["NaN", "-Infinity", 0.1, "1e-300"],
  point: ["(1,2)", "(0,-1)"],
  pair: ['(1,"a,b")', "(,)"],
  "date[]": [["2025-01-01"], ["infinity", null]],
};

/** Two tables to four, with references forwards, backwards, to themselves and in circles, and unique columns. */
export const generatedSchema: fc.Arbitrary<GeneratedSchema> = fc
  .array(
    fc.record({
      keys: fc.uniqueArray(fc.constantFrom(...Object.keys(keyTypes).filter((type) => type !== "boolean")), {
        minLength: 1,
        maxLength: 2,
      }),
      values: fc.array(fc.constantFrom(...Object.keys(valueTypes)), { maxLength: 3 }),
      unique: fc.constantFrom("none", "unique", "unique not null", "unique deferrable", "exclusion"),
      identity: fc.constantFrom("none", "always", "by default"),
      references: fc.array(fc.record({ to: fc.nat(3), deferrable: fc.boolean(), required: fc.boolean() }), {
        maxLength: 2,
      }),
      generated: fc.boolean(),
      rows: fc.tuple(rowSeeds(), rowSeeds()),
    }),
    { minLength: 2, maxLength: 4 },
  )
  .map(build);

interface Seed {
  readonly key: number;
  readonly values: readonly number[];
  readonly position: number;
}
interface TableSeed {
  readonly keys: readonly string[];
  readonly values: readonly string[];
  readonly unique: string;
  readonly identity: string;
  readonly references: readonly { readonly to: number; readonly deferrable: boolean; readonly required: boolean }[];
  readonly generated: boolean;
  readonly rows: readonly [readonly Seed[], readonly Seed[]];
}

function rowSeeds(): fc.Arbitrary<Seed[]> {
  const seed = fc.record({
    key: fc.nat(4),
    values: fc.array(fc.nat(20), { minLength: 6, maxLength: 6 }),
    position: fc.nat(4),
  });
  return fc.uniqueArray(seed, { selector: ({ key }) => key, minLength: 1, maxLength: 5 });
}

function build(seeds: readonly TableSeed[]): GeneratedSchema {
  const names = seeds.map((_, at) => `t${(at * 7 + 3) % 10}`);
  const sets = [0, 1].map((set) => seeds.map((seed) => seed.rows[set] ?? []));
  const creates = seeds.map((seed, at) => `create table rows.${names[at] ?? ""} (${columnsOf(seed).join(", ")})`);
  const alters = seeds.flatMap((seed, at) =>
    seed.references.flatMap((reference, n) => {
      const to = reference.to % seeds.length;
      const columns = (seeds[to]?.keys ?? []).map((_, part) => `r${n}_${part}`).join(", ");
      const clause = reference.deferrable ? " deferrable" : "";
      return [
        `alter table rows.${names[at] ?? ""} add foreign key (${columns}) references rows.${names[to] ?? ""}${clause}`,
      ];
    }),
  );
  const referring = seeds.flatMap((seed, at) =>
    seed.references.flatMap(({ to, required }, n) =>
      (seeds[to % seeds.length]?.keys ?? []).map(
        (type, part) =>
          `alter table rows.${names[at] ?? ""} add column r${n}_${part} ${qualified(type)}${required ? " not null" : ""}`,
      ),
    ),
  );
  const definitions = seeds.map((seed, at): [string, Table] => [names[at] ?? "", definitionOf(seed, seeds)]);
  const rowsIn = (set: number) =>
    Object.fromEntries(
      seeds.map((seed, at) => [
        names[at] ?? "",
        (sets[set]?.[at] ?? []).map((row) => rowOf(row, seed, seeds, sets[set] ?? [])),
      ]),
    );
  const types = `create type rows.mood as enum ('sad', 'ok', 'fine', 'glad', 'mad');
    create type rows.pair as (n int, t text)`;
  return {
    ddl: [types, ...creates, ...referring, ...alters].join(";\n"),
    definitions: Object.fromEntries(definitions),
    before: rowsIn(0),
    after: rowsIn(1),
  };
}

const qualified = (type: string): string => (["mood", "pair"].includes(type) ? `rows.${type}` : type);

function columnsOf({ keys, values, unique, identity, generated }: TableSeed): string[] {
  const ofKey = keys.map((type, at) => {
    const filled = at === 0 && identity !== "none" && ["integer", "bigint"].includes(type);
    return `k${at} ${qualified(type)}${filled ? ` generated ${identity} as identity` : ""}`;
  });
  const position =
    {
      none: [],
      unique: ["position int unique"],
      "unique not null": ["position int not null unique"],
      "unique deferrable": ["position int not null unique deferrable"],
      exclusion: ["position int4range not null, exclude using gist (position with &&)"],
    }[unique] ?? [];
  return [
    ...ofKey,
    ...values.map((type, at) => `v${at} ${qualified(type)}`),
    ...position,
    "theirs text not null default 'theirs'",
    ...(generated ? ["computed text generated always as (theirs || '!') stored"] : []),
    `primary key (${keys.map((_, at) => `k${at}`).join(", ")})`,
  ];
}

function definitionOf({ keys, values, unique, references }: TableSeed, seeds: readonly TableSeed[]): Table {
  const columns: [string, string][] = [
    ...keys.map((type, at): [string, string] => [`k${at}`, type]),
    ...values.map((type, at): [string, string] => [`v${at}`, type]),
    ...(unique === "none" ? [] : [["position", unique === "exclusion" ? "int4range" : "int"] as [string, string]]),
    ...references.flatMap(({ to }, n) =>
      (seeds[to % seeds.length]?.keys ?? []).map((type, part): [string, string] => [`r${n}_${part}`, type]),
    ),
  ];
  return { key: keys.map((_, at) => `k${at}`), columns: Object.fromEntries(columns) };
}

const pick = <T>(from: readonly T[], at: number): T | null => from[at % from.length] ?? null;
const keyCells = (seed: number, keys: readonly string[]): Row[string][] =>
  keys.map((type) => pick(keyTypes[type] ?? [], seed));

function rowOf(row: Seed, table: TableSeed, seeds: readonly TableSeed[], set: readonly (readonly Seed[])[]): Row {
  const cells: [string, Row[string]][] = keyCells(row.key, table.keys).map((value, at) => [`k${at}`, value]);
  for (const [at, type] of table.values.entries()) {
    const chosen = row.values[at] ?? 0;
    cells.push([`v${at}`, chosen % 5 === 4 ? null : pick(valueTypes[type] ?? [], chosen)]);
  }
  // Which row of the table it is, moved by the seed of the first: a permutation, so that rows swap and rotate.
  const rows = set[seeds.indexOf(table)] ?? [];
  const position = (rows.indexOf(row) + (rows[0]?.position ?? 0)) % 5;
  if (table.unique === "exclusion") cells.push(["position", `[${position * 10},${position * 10 + 10})`]);
  else if (table.unique !== "none") cells.push(["position", position]);
  for (const [n, { to, required }] of table.references.entries()) {
    const parent = to % seeds.length;
    const target = pick(set[parent] ?? [], row.values[3 + n] ?? 0);
    const isNull = !required && (row.values[3 + n] ?? 0) % 4 === 3;
    const keys = seeds[parent]?.keys ?? [];
    const values = isNull || target === null ? keys.map(() => null) : keyCells(target.key, keys);
    cells.push(...values.map((value, part): [string, Row[string]] => [`r${n}_${part}`, value]));
  }
  return Object.fromEntries(cells);
}
