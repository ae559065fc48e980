import { escapeIdentifier, type ClientBase } from "pg";
import { keyColumns } from "../release/rows";
import { conflicts, evaluated, exclusivesOf, foreignKeysOf, isThat, type ForeignKey } from "./constraints";
import { isFixed, type Move } from "./move";
import { missingValues } from "./problems";
import { column, keyJson, qualified, rowName, sameKey } from "./sql";
import { temporary } from "./stage";

const mostNamed = 20;
/** Exclusion constraints compare each row with each; with more rows than this, the server finds them when it writes. */
const mostExcluded = 2_000;

/**
 * What of the staged rows the tables would not take, by table, key and column: a key twice, a value that is cut or
 * missing, a constraint, a reference to a row that is not there or from one that stays.
 */
export async function rowProblems(client: ClientBase, moves: readonly Move[]): Promise<string[]> {
  const problems: string[] = [];
  for (const move of moves) {
    problems.push(
      ...(await repeatedKeys(client, move)),
      ...(await badValues(client, move)),
      ...(await fixedValues(client, move)),
      ...(await conflictsIn(client, move)),
      ...(await brokenReferences(client, move, moves)),
      ...(await strandedReferences(client, move, moves)),
    );
  }
  return problems.slice(0, mostNamed);
}

async function repeatedKeys(client: ClientBase, { located, staged }: Move): Promise<string[]> {
  const { table, name } = located;
  const keys = keyColumns(table).map((each) => column("s", each));
  const { rows } = await client.query<{ key: unknown[]; count: string }>(
    `select json_build_array(${keys.map((key) => `min(${key}::text)`).join(", ")}) as key, count(*) as count
     from ${temporary(staged)} s group by ${keys.join(", ")} having count(*) > 1 limit ${mostNamed}`,
  );
  return rows.map(({ key, count }) => `${rowName({ name }, key)}: ${count} pinned rows have this key`);
}

/** Values that the column's length or precision cuts, that are missing, or that a check does not let pass. */
async function badValues(client: ClientBase, { located, live, columns, staged }: Move): Promise<string[]> {
  const { table, name } = located;
  const conditions: { readonly when: string; readonly words: string }[] = columns.flatMap((each) => {
    const value = column("s", each.name);
    const missing = { when: `${value} is null`, words: `${each.name} is not null` };
    const cut = {
      when: `(${value})::text is distinct from (${value}::${each.type})::text and (${value}::${each.type})::${each.bare} is distinct from ${value}`,
      words: `${each.name} has type ${each.type}, which cuts the value`,
    };
    const isCut = each.type !== each.bare && ["equality", "bytes"].includes(each.comparison);
    return [...(each.notNull ? [missing] : []), ...(isCut ? [cut] : [])];
  });
  const { rows: checks } = await client.query<{ name: string; expression: string; columns: string[] }>(
    `select conname as name, pg_get_expr(conbin, conrelid) as expression,
       array(select attname::text from pg_attribute where attrelid = conrelid and attnum = any (conkey)) as columns
     from pg_constraint where contype = 'c' and conrelid = to_regclass($1)`,
    [qualified(located)],
  );
  const pinned = new Set(columns.map((each) => each.name));
  for (const check of checks.filter((each) => each.columns.every((column) => pinned.has(column)))) {
    conditions.push({
      when: `not (${check.expression})`,
      words: `the check ${check.name} does not let it pass: ${check.expression}`,
    });
  }
  const problems: string[] = [];
  for (const { when, words } of conditions) {
    const { rows } = await client.query<{ key: unknown[] }>(
      `select ${keyJson(table, "s")} as key from ${temporary(staged)} s where ${when} limit ${mostNamed}`,
    );
    problems.push(...rows.map(({ key }) => `${rowName({ name }, key)}: ${words}`));
  }
  const missing = missingValues(located, live);
  if (missing.length === 0) return problems;
  const { rowCount } = await client.query(
    `select from ${temporary(staged)} s
     where not exists (select from ${qualified(located)} t where ${sameKey(table, "t", "s")}) limit 1`,
  );
  return rowCount === 0 ? problems : [...problems, ...missing];
}

/** Values of rows that are there which no update can change. */
async function fixedValues(client: ClientBase, { located, columns, staged }: Move): Promise<string[]> {
  const { table, name } = located;
  const problems: string[] = [];
  for (const each of columns) {
    if (!isFixed(each) || keyColumns(table).includes(each.name)) continue;
    const [there, pinned] = [column("t", each.name), column("s", each.name)];
    const { rows } = await client.query<{ key: unknown[]; there: string; pinned: string }>(
      `select ${keyJson(table, "s")} as key, ${there}::text as there, ${pinned}::text as pinned
       from ${temporary(staged)} s join ${qualified(located)} t on ${sameKey(table, "t", "s")}
       where ${there} is distinct from ${pinned} limit ${mostNamed}`,
    );
    problems.push(
      ...rows.map(
        (row) =>
          `${rowName({ name }, row.key)}: ${each.name} is ${row.there}, pinned is ${row.pinned}, and PostgreSQL changes no column that is generated always as identity; take it out of the pinned columns`,
      ),
    );
  }
  return problems;
}

/** Pinned rows that exclude each other, or a row that no release pins. */
async function conflictsIn(client: ClientBase, move: Move): Promise<string[]> {
  const { located, columns, staged, gone } = move;
  const { table, name } = located;
  const keys = keyColumns(table);
  const pinned = new Set(columns.map((each) => each.name));
  const problems: string[] = [];
  for (const each of await exclusivesOf(client, move)) {
    const whole = each.columns.length === each.expressions.length && each.columns.every((column) => pinned.has(column));
    if (!whole || each.predicate !== null) continue;
    if (each.exclusion) {
      const { rows } = await client.query<{ many: boolean }>(
        `select count(*) > ${mostExcluded} as many from ${temporary(staged)}`,
      );
      if (rows[0]?.many === true) continue;
    }
    const before = keys.map((key) => column("a", key)).join(", ");
    const after = keys.map((key) => column("b", key)).join(", ");
    const others = `(select t.* from ${qualified(located)} t where not exists (
        select from ${temporary(staged)} s where ${sameKey(table, "s", "t")})
      ${gone === undefined ? "" : `and not exists (select from ${temporary(gone)} g where ${sameKey(table, "g", "t")})`})`;
    const mine = evaluated(each, keys, temporary(staged));
    const { rows } = await client.query<{ key: unknown[]; other: unknown[] }>(
      `select ${keyJson(table, "a")} as key, ${keyJson(table, "b")} as other
       from ${mine} a join ${mine} b on (${before}) < (${after}) and ${conflicts(each, "a", "b")}
       union all
       (select ${keyJson(table, "a")}, ${keyJson(table, "b")}
        from ${mine} a join ${evaluated(each, keys, others)} b on ${conflicts(each, "a", "b")})
       limit ${mostNamed}`.replace(/union all\s+\(select/, "union all (select"),
    );
    const what = each.columns.join(", ");
    problems.push(
      ...rows.map(
        ({ key, other }) =>
          `${rowName({ name }, key)} and ${rowName({ name }, other)}: ${each.name} keeps ${what} apart`,
      ),
    );
  }
  return problems;
}

/** Pinned rows that refer to a row that will not be there. */
async function brokenReferences(client: ClientBase, move: Move, moves: readonly Move[]): Promise<string[]> {
  const { located, columns, staged } = move;
  const pinned = new Set(columns.map(({ name }) => name));
  const problems: string[] = [];
  for (const key of await foreignKeysOf(client, move)) {
    if (!isThat(key.child, located) || !key.columns.every((name) => pinned.has(name))) continue;
    const on = key.columns
      .map((name, at) => `${column("p", key.references[at] ?? "")} = ${column("s", name)}`)
      .join(" and ");
    const set = key.columns.map((name) => `${column("s", name)} is not null`).join(" and ");
    const value = key.columns.map((name) => `${column("s", name)}::text`).join(" || ', ' || ");
    const { rows } = await client.query<{ key: unknown[]; value: string }>(
      `select ${keyJson(located.table, "s")} as key, ${value} as value from ${temporary(staged)} s
       where ${set} and not exists (select from ${parentsOf(key, moves)} p where ${on}) limit ${mostNamed}`,
    );
    problems.push(
      ...rows.map(
        (row) =>
          `${rowName(located, row.key)} ${key.columns.join(", ")} = ${row.value}: ${key.parent.name} has no such row (${key.name})`,
      ),
    );
  }
  return problems;
}

/** The rows of a parent as they will be. */
function parentsOf({ parent, references }: ForeignKey, moves: readonly Move[]): string {
  const move = moves.find(({ located }) => isThat(parent, located));
  if (move === undefined) return parent.sql;
  const names = references.map(escapeIdentifier).join(", ");
  const { table } = move.located;
  const left = move.gone === undefined ? "" : ` where ${isNotGone(move, "t")}`;
  if (!references.every((name) => move.columns.some((each) => each.name === name))) {
    return `(select ${names} from ${parent.sql} t${left})`;
  }
  const unstaged = `not exists (select from ${temporary(move.staged)} s where ${sameKey(table, "s", "t")})`;
  return `(select ${names} from ${temporary(move.staged)} union all
    select ${names} from ${parent.sql} t where ${unstaged}${left.replace(" where", " and")})`;
}

function isNotGone({ located, gone = "" }: Move, alias: string): string {
  return `not exists (select from ${temporary(gone)} g where ${sameKey(located.table, "g", alias)})`;
}

/** Rows that stay and refer to a row that goes, or whose reference would change along with the row that they refer to. */
export async function strandedReferences(client: ClientBase, move: Move, moves: readonly Move[]): Promise<string[]> {
  const { located, gone } = move;
  if (gone === undefined) return [];
  const problems: string[] = [];
  for (const key of await foreignKeysOf(client, move)) {
    if (!isThat(key.parent, located)) continue;
    const on = key.columns
      .map((name, at) => `${column("c", name)} = ${column("t", key.references[at] ?? "")}`)
      .join(" and ");
    const child = moves.find((other) => isThat(key.child, other.located));
    const stays: string[] = [];
    if (child?.gone !== undefined) stays.push(isNotGone(child, "c"));
    // A pinned row refers to what its release says, which is looked at from its own end.
    if (child !== undefined && key.columns.every((name) => child.columns.some((each) => each.name === name))) {
      stays.push(
        `not exists (select from ${temporary(child.staged)} s where ${sameKey(child.located.table, "s", "c")})`,
      );
    }
    const { rows } = await client.query<{ key: unknown[]; count: string }>(
      `select ${keyJson(located.table, "t")} as key, count(*) over () as count
       from ${qualified(located)} t join ${temporary(gone)} g on ${sameKey(located.table, "t", "g")}
       where exists (select from ${key.child.sql} c where ${[on, ...stays].join(" and ")}) limit 5`,
    );
    if (rows.length === 0) continue;
    const names = rows.map((row) => rowName(located, row.key)).join(", ");
    const does = key.onDelete === "a" || key.onDelete === "r" ? "refers to" : "would be changed or deleted along with";
    problems.push(
      `${names}: no longer pinned, and a row of ${key.child.sql} ${does} it (${key.name}); pin the row, or remove what refers to it`,
    );
  }
  return problems;
}
