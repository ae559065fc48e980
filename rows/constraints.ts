import { escapeIdentifier, type ClientBase } from "pg";
import { keyColumns } from "../release/rows";
import type { LiveTable } from "./catalog";
import { column, qualified, rowsDiffer, sameKey, type LocatedTable } from "./sql";
import type { Move, Parking } from "./move";
import { RowRefusal, temporary } from "./stage";

/** A unique or exclusion constraint, or a unique index: two rows must not have all of its expressions in conflict. */
export interface Exclusive {
  readonly name: string;
  /** Whether it is checked row by row, so that even a state between two others must satisfy it. */
  readonly immediate: boolean;
  readonly exclusion: boolean;
  /** The columns that it names, where they are plain columns. */
  readonly columns: readonly string[];
  readonly expressions: readonly string[];
  /** The operator by which each expression is compared. */
  readonly operators: readonly string[];
  readonly predicate: string | null;
}

/** A foreign key, as seen from either end. */
export interface ForeignKey {
  readonly name: string;
  /** The referring table, quoted, and its schema and name. */
  readonly child: { readonly sql: string; readonly schema: string; readonly name: string };
  readonly parent: { readonly sql: string; readonly schema: string; readonly name: string };
  readonly columns: readonly string[];
  readonly references: readonly string[];
  /** What happens to the referring rows when a row goes, and when its key changes, as in `pg_constraint`. */
  readonly onDelete: string;
  readonly onUpdate: string;
}

type Described = Pick<Move, "located" | "live">;

/** Asked once for what was read of a table: within a transaction its definition stays. */
function once<T>(ask: (client: ClientBase, located: LocatedTable) => Promise<T>) {
  const asked = new WeakMap<LiveTable, Promise<T>>();
  return (client: ClientBase, { located, live }: Described): Promise<T> => {
    const answer = asked.get(live) ?? ask(client, located);
    asked.set(live, answer);
    return answer;
  };
}

/** What keeps two rows of a table apart, but for its key. */
export const exclusivesOf = once(readExclusives);

/** The foreign keys of a table, in both directions. */
export const foreignKeysOf = once(readForeignKeys);

async function readExclusives(client: ClientBase, located: LocatedTable): Promise<Exclusive[]> {
  const { rows } = await client.query<Exclusive>(
    `select coalesce(conname, relname) as name, indimmediate and not coalesce(condeferrable, false) as immediate,
       indisexclusion as exclusion, pg_get_expr(indpred, indrelid) as predicate,
       array(select attname::text from unnest(indkey[0:indnkeyatts - 1]) with ordinality k(n, at)
             left join pg_attribute on attrelid = indrelid and attnum = n where n > 0 order by at) as columns,
       array(select pg_get_indexdef(indexrelid, k, true) from generate_series(1, indnkeyatts) k order by k) as expressions,
       array(select format('operator(%I.%s)', nspname, oprname) from generate_series(1, indnkeyatts) k
         join pg_opclass on pg_opclass.oid = indclass[k - 1]
         join pg_operator o on o.oid = case when indisexclusion then conexclop[k] else (
           select amopopr from pg_amop where amopfamily = opcfamily and amopstrategy = 3
             and amoplefttype = opcintype and amoprighttype = opcintype) end
         join pg_namespace n on n.oid = oprnamespace order by k) as operators
     from pg_index join pg_class on pg_class.oid = indexrelid
     left join pg_constraint on conindid = indexrelid and conrelid = indrelid and contype in ('p', 'u', 'x')
     where indrelid = to_regclass($1) and (indisunique or indisexclusion) and indisvalid order by 1`,
    [qualified(located)],
  );
  const keys = keyColumns(located.table);
  return rows.filter(
    ({ columns, expressions }) => columns.length < expressions.length || !columns.every((name) => keys.includes(name)),
  );
}

async function readForeignKeys(client: ClientBase, located: LocatedTable): Promise<ForeignKey[]> {
  const side = (relation: string) =>
    `json_build_object('sql', ${relation}.oid::regclass::text, 'schema', ${relation}n.nspname, 'name', ${relation}.relname)`;
  const names = (relation: string, key: string) =>
    `array(select attname::text from unnest(${key}) with ordinality k(n, at)
       join pg_attribute on attrelid = ${relation} and attnum = n order by at)`;
  const { rows } = await client.query<ForeignKey>(
    `select conname as name, ${side("c")} as child, ${side("p")} as parent,
       ${names("conrelid", "conkey")} as columns, ${names("confrelid", "confkey")} as references,
       confdeltype as "onDelete", confupdtype as "onUpdate"
     from pg_constraint
     join pg_class c on c.oid = conrelid join pg_namespace cn on cn.oid = c.relnamespace
     join pg_class p on p.oid = confrelid join pg_namespace pn on pn.oid = p.relnamespace
     where contype = 'f' and conparentid = 0 and (conrelid = to_regclass($1) or confrelid = to_regclass($1))
     order by conname`,
    [qualified(located)],
  );
  return rows;
}

/** The expressions of a constraint as columns `e0`, `e1`, … beside the key, of rows that satisfy its predicate. */
export function evaluated({ expressions, predicate }: Exclusive, keys: readonly string[], from: string): string {
  const values = expressions.map((expression, at) => `(${expression}) as e${at}`);
  const where = predicate === null ? "" : ` where ${predicate}`;
  return `(select ${[...keys.map(escapeIdentifier), ...values].join(", ")} from ${from} x${where})`;
}

/** Whether two such rows exclude each other. */
export function conflicts({ operators }: Exclusive, a: string, b: string): string {
  return operators.map((operator, at) => `${a}.e${at} ${operator} ${b}.e${at}`).join(" and ");
}

/**
 * Rows that are to change and whose present values stand in the way of other rows' new ones, as when two rows swap
 * theirs; and how they get out of it. A constraint that can be deferred needs none of this.
 * @param into the temporary table that they are put into
 * @throws RowRefusal naming the rows and the constraint when there is no safe way
 */
export async function parkingFor(client: ClientBase, move: Move, into: string): Promise<Parking | undefined> {
  const { located, columns, staged, live } = move;
  const { table } = located;
  const keys = keyColumns(table);
  const values = columns.filter(({ name }) => !keys.includes(name));
  const written = new Set(values.map(({ name }) => name));
  const relevant = (await exclusivesOf(client, move)).filter(
    (each) =>
      each.immediate &&
      (each.columns.length < each.expressions.length ||
        each.predicate !== null ||
        each.columns.some((name) => written.has(name))),
  );
  if (relevant.length === 0 || values.length === 0) return undefined;
  const changing = `${qualified(located)} t join ${temporary(staged)} s on ${sameKey(table, "t", "s")}
    where (${rowsDiffer(values, "t", "s")})`;
  const merged = [...live.columns.keys()].map((name) => column(written.has(name) ? "s" : "t", name));
  const [before, after] = [`(select t.* from ${changing})`, `(select ${merged.join(", ")} from ${changing})`];
  const other = keys.map((name) => `${column("o", name)} is distinct from ${column("n", name)}`).join(" or ");
  const standing = relevant.map(
    (each) => `exists (select from ${evaluated(each, keys, before)} o join ${evaluated(each, keys, after)} n
      on (${other}) and ${conflicts(each, "o", "n")} where ${sameKey(table, "o", "t")})`,
  );
  const { rowCount } = await client.query(
    `create temporary table ${escapeIdentifier(into)} on commit drop as
     select t.* from ${changing} and (${standing.join(" or ")})`,
  );
  if (rowCount === 0) return undefined;
  const references = (await foreignKeysOf(client, move)).filter(({ parent }) => isThat(parent, located));
  const emptied = relevant.map((each) =>
    each.columns.find(
      (name) =>
        written.has(name) &&
        live.columns.get(name)?.notNull === false &&
        !references.some((key) => key.references.includes(name)),
    ),
  );
  if (emptied.every((name) => name !== undefined)) return { rows: into, emptied: [...new Set(emptied)] };
  const hindrance = [
    ...live.triggers.map((trigger) => `the trigger ${trigger}`),
    ...references
      .filter(({ onDelete }) => onDelete !== "a")
      .map(({ name, child }) => `the foreign key ${name} of ${child.sql}`),
  ];
  if (hindrance.length === 0) return { rows: into, emptied: [] };
  const names = relevant.map(({ name }) => name).join(", ");
  throw new RowRefusal(
    `${located.name}: rows exchange their values under ${names}, which is checked row by row, and ${hindrance.join(", ")} would see them go and come back; nothing was written; make the constraint deferrable`,
  );
}

/** Whether a relation is that table. */
export function isThat(
  { schema, name }: { readonly schema: string; readonly name: string },
  located: Pick<LocatedTable, "schema" | "name">,
): boolean {
  return schema === located.schema && name === located.name;
}
