import type { ClientBase, Pool } from "pg";
import { qualified, type LocatedTable } from "./sql";
import { refuseForeignCode } from "./trust";

/** How two values of a column are compared: by its type's equality, byte by byte, as JSON, or as the server writes them. */
export type Comparison = "equality" | "bytes" | "json" | "text";

/** A column as the server has it. */
export interface LiveColumn {
  readonly name: string;
  /** The type as the server names it, with its length or precision. */
  readonly type: string;
  /** The same without length and precision, so that a value is read before it is cut. */
  readonly bare: string;
  /** The type below all domains, without length and precision. */
  readonly base: string;
  /** PostgreSQL's category of the base type: S for texts, N for numbers, D for times, A for arrays, E for enums. */
  readonly category: string;
  readonly comparison: Comparison;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  readonly generated: boolean;
  readonly identity: "always" | "by default" | undefined;
}

/** A table as the server has it. */
export interface LiveTable {
  /** The kind of relation, as in `pg_class.relkind`: r and p are tables, v is a view. */
  readonly kind: string;
  readonly columns: ReadonlyMap<string, LiveColumn>;
  /** Rules and triggers that people made, with what each runs: these can change what is written. */
  readonly rules: readonly string[];
  readonly triggers: readonly string[];
  /** Whether row level security hides rows from the session's role. */
  readonly secured: boolean;
  /** Whether a row stays as it was written: no trigger, no rule, no table that inherits, no foreign key that changes it or, through it, others. */
  readonly plain: boolean;
}

interface TypeRow {
  readonly oid: number;
  readonly bare: string;
  readonly kind: string;
  readonly category: string;
  readonly hashable: boolean;
  /** The types that it is made of: of an array, a domain, a range, a composite. */
  readonly parts: readonly number[] | null;
}

/**
 * What the server has under a table's name; undefined where there is nothing. Whatever reads or writes rows asks this first.
 * @throws ForeignCode when reading or writing its rows would run what a role says that is not trusted
 */
export async function describeTable(
  client: Pool | ClientBase,
  located: Pick<LocatedTable, "schema" | "name">,
): Promise<LiveTable | undefined> {
  const name = qualified(located);
  const { rows } = await client.query<Omit<LiveTable, "columns">>(
    `select c.relkind as kind, row_security_active(c.oid) as secured,
       c.relkind = 'r' and not (c.relhasrules or c.relhassubclass)
         and not exists (select from pg_trigger where tgrelid = c.oid and not tgisinternal)
         and not exists (select from pg_constraint where contype = 'f' and (conrelid = c.oid or confrelid = c.oid)
           and (confupdtype in ('c', 'n', 'd') or confdeltype in ('c', 'n', 'd'))) as plain,
       array(select rulename::text from pg_rewrite where ev_class = c.oid and ev_type <> '1' order by 1) as rules,
       array(select format('%s (%s)', tgname, tgfoid::regproc) from pg_trigger
             where tgrelid = c.oid and not tgisinternal and tgenabled <> 'D' order by tgname) as triggers
     from pg_class c where oid = to_regclass($1)`,
    [name],
  );
  const [found] = rows;
  if (found === undefined) return undefined;
  await refuseForeignCode(client, located);
  const { rows: columns } = await client.query<
    Pick<LiveColumn, "name" | "type" | "notNull" | "hasDefault" | "generated"> & { oid: number; identity: string }
  >(
    `select attname as name, format_type(atttypid, atttypmod) as type, atttypid::int8::int as oid,
       attnotnull as "notNull", atthasdef as "hasDefault", attgenerated <> '' as generated, attidentity as identity
     from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped order by attnum`,
    [name],
  );
  const types = await describeTypes(client, [...new Set(columns.map(({ oid }) => oid))]);
  const described = columns.map(({ oid, identity, ...column }): [string, LiveColumn] => {
    const type = typeOf(types, oid);
    const base = baseOf(types, type);
    return [
      column.name,
      {
        ...column,
        bare: type.bare,
        base: base.bare,
        category: base.category,
        comparison: comparisonOf(types, base),
        identity: identity === "a" ? "always" : identity === "d" ? "by default" : undefined,
      },
    ];
  });
  return { ...found, columns: new Map(described) };
}

/** The given types and all that they are made of. */
async function describeTypes(client: Pool | ClientBase, oids: readonly number[]): Promise<Map<number, TypeRow>> {
  const { rows } = await client.query<TypeRow>(
    `with recursive types(oid) as (
       select unnest($1::int8[])::oid
       union
       select p.part from types join lateral (
         select typbasetype as part from pg_type t where t.oid = types.oid and typtype = 'd'
         union all select typelem from pg_type t where t.oid = types.oid and typtype = 'b' and typcategory = 'A'
         union all select rngsubtype from pg_range r
           where rngtypid = types.oid or (to_jsonb(r) ->> 'rngmultitypid')::oid = types.oid
         union all select atttypid from pg_type t join pg_attribute on attrelid = typrelid
           where t.oid = types.oid and typtype = 'c' and attnum > 0 and not attisdropped
       ) p on true)
     select t.oid::int8::int as oid, format_type(t.oid, -1) as bare, typtype as kind, typcategory as category,
       typtype = 'e' or exists (
         select from pg_opclass join pg_am on pg_am.oid = opcmethod
         where amname = 'hash' and opcdefault and (opcintype = t.oid or opcintype in (
           select casttarget from pg_cast where castsource = t.oid and castmethod = 'b' and castcontext = 'i'))) as hashable,
       case typtype when 'd' then array[typbasetype::int8::int] when 'r' then (
           select array[rngsubtype::int8::int] from pg_range where rngtypid = t.oid)
         when 'm' then (select array[rngsubtype::int8::int] from pg_range r
           where (to_jsonb(r) ->> 'rngmultitypid')::oid = t.oid)
         when 'c' then array(select atttypid::int8::int from pg_attribute
           where attrelid = typrelid and attnum > 0 and not attisdropped)
         else case when typcategory = 'A' then array[typelem::int8::int] end end as parts
     from types join pg_type t on t.oid = types.oid`,
    [oids],
  );
  return new Map(rows.map((row) => [row.oid, row]));
}

function typeOf(types: ReadonlyMap<number, TypeRow>, oid: number): TypeRow {
  const type = types.get(oid);
  if (type === undefined) throw new Error(`the server has no type ${oid}`);
  return type;
}

function baseOf(types: ReadonlyMap<number, TypeRow>, type: TypeRow): TypeRow {
  const [below] = type.kind === "d" ? (type.parts ?? []) : [];
  return below === undefined ? type : baseOf(types, typeOf(types, below));
}

function isHashable(types: ReadonlyMap<number, TypeRow>, type: TypeRow): boolean {
  return type.parts === null ? type.hashable : type.parts.every((part) => isHashable(types, typeOf(types, part)));
}

/** The types of text whose equality is that of their bytes, so that arrays of them may be compared by it. */
const byteTexts = ["text", "character varying", "name"];

function comparisonOf(types: ReadonlyMap<number, TypeRow>, base: TypeRow): Comparison {
  if (base.bare === "json") return "json";
  if (base.category === "S") return "bytes";
  const element = base.category === "A" ? typeOf(types, base.parts?.[0] ?? 0) : undefined;
  if (element?.category === "S" && !byteTexts.includes(element.bare)) return "text";
  return isHashable(types, base) ? "equality" : "text";
}
