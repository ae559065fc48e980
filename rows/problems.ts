import { type ClientBase, type Pool } from "pg";
import { elementType, typeName } from "../release/columns";
import { columnsOf, keyColumns } from "../release/rows";
import type { LiveColumn, LiveTable } from "./catalog";
import { type LocatedTable } from "./sql";

/**
 * What of a table's definition stands in the way of pinning its rows, each with its remedy; none where nothing does.
 * Columns that the table does not have yet are no problem: they are added, unless the relation is no table.
 */
export async function tableProblems(
  client: Pool | ClientBase,
  located: LocatedTable,
  live: LiveTable,
): Promise<string[]> {
  const { table, schema, name } = located;
  const problems: string[] = [];
  if (!["r", "p", "v", "f"].includes(live.kind))
    problems.push(`${schema}.${name} is no table that rows can be written to`);
  if (live.secured) {
    problems.push(
      `${name}: row level security hides rows from the user that Rewind connects as; give it BYPASSRLS, or make it the owner`,
    );
  }
  const declared = await declaredTypes(client, located);
  const keys = keyColumns(table);
  for (const [pinned, type] of columnsOf(table)) {
    const at = `${name}.${pinned}`;
    const found = live.columns.get(pinned);
    const server = declared.get(pinned);
    if (server === undefined) problems.push(`${at}: there is no type ${type}`);
    else if (found === undefined) {
      if (!["r", "p"].includes(live.kind)) problems.push(`${at}: there is no such column`);
    } else if (found.generated) {
      problems.push(`${at} is computed by the server; take it out of the pinned columns`);
    } else if (!readsAs(server, type, found)) {
      problems.push(`${at} is declared as ${type}, and the column has type ${found.type}; declare it as ${found.type}`);
    } else if (keys.includes(pinned) && (found.comparison === "json" || !hasEquality(found))) {
      problems.push(`${at}: a key of type ${found.type} cannot be compared`);
    }
  }
  return problems;
}

/** A column that every row needs and that no release pins, as far as rows are to be added. */
export function missingValues({ name, table }: LocatedTable, live: LiveTable): string[] {
  return [...live.columns.values()].flatMap((each) => {
    const filled = each.hasDefault || each.generated || each.identity !== undefined || !each.notNull;
    return filled || Object.hasOwn(table.columns, each.name) || each.name === table.touched
      ? []
      : [`${name}.${each.name} is not null and has no default, so no row can be added; pin it, or give it a default`];
  });
}

/** A declared type as the server has it. */
export interface DeclaredType {
  /** Its name, without length and precision. */
  readonly bare: string;
  readonly category: string;
}

/** What the server makes of the declared types, seen from the table's schema; a type that it does not have is left out. */
export async function declaredTypes(
  client: Pool | ClientBase,
  { schema, table }: LocatedTable,
): Promise<Map<string, DeclaredType>> {
  const columns = columnsOf(table);
  const within = (type: string) =>
    /^[A-Za-z_"][^ .(]*(?: ?\[|$)/.test(type) ? `${JSON.stringify(schema)}.${type}` : type;
  const { rows } = await client.query<DeclaredType & { at: number }>(
    `select (at - 1)::int as at, format_type(t.oid, -1) as bare, typcategory as category
     from unnest($1::text[], $2::text[]) with ordinality d(type, within, at)
     join pg_type t on t.oid = coalesce(to_regtype(d.type), to_regtype(d.within))`,
    [columns.map(([, type]) => type), columns.map(([, type]) => within(type))],
  );
  return new Map(rows.map(({ at, ...type }) => [columns[at]?.[0] ?? "", type]));
}

const json = ["json", "jsonb"];

/**
 * Whether a value that was written as one type means the same when it is read as the column's: the same type, a domain
 * over it, any type read from a text, one kind of number read as another, one kind of JSON as the other.
 */
function readsAs(declared: DeclaredType, type: string, { bare, base, category }: LiveColumn): boolean {
  if (declared.bare === bare || declared.bare === base || declared.category === "S") return true;
  if (declared.category === "N" && category === "N") return true;
  if (json.includes(typeName(type)) && json.includes(base)) return true;
  const [element, of] = [elementType(declared.bare), elementType(base)];
  return element !== undefined && of !== undefined && sameElements(typeName(element), typeName(of));
}

const numbers = ["smallint", "integer", "bigint", "numeric", "real", "double precision"];

function sameElements(declared: string, live: string): boolean {
  return declared === live || declared === "text" || (numbers.includes(declared) && numbers.includes(live));
}

const unequal = ["xml", "point", "line", "lseg", "box", "path", "polygon", "circle"];

/** Whether the server has an equality by which a row of that key is found. */
function hasEquality({ base }: LiveColumn): boolean {
  return !unequal.includes(base);
}

/** The triggers and rules of a table, which may change what is written to it. */
export function meddlers({ triggers, rules }: LiveTable): string {
  const names = [...triggers.map((each) => `the trigger ${each}`), ...rules.map((each) => `the rule ${each}`)];
  return names.length === 0 ? "nothing that Rewind knows of" : names.join(", ");
}
