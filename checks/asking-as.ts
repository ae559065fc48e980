import { escapeIdentifier, Query, type ClientBase, type FieldDef } from "pg";
import { asGiven } from "../rows/trust";

/** The rows of a query as texts, with the types of its columns. */
export interface TextAnswer {
  readonly types: readonly number[];
  readonly rows: readonly (readonly (string | null)[])[];
}

const mostRows = 1_000;
const mostCharacters = 1024 * 1024;

/** A role's rights that no check needs and that reach beyond the database. */
const overServer = ["pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"];

/**
 * Asks one query as another role, in a transaction that can only read from here on.
 *
 * `set role` alone would not do: a query may call a function that sets the role back to the administrator's. The query
 * runs inside a temporary function with its owner's rights, in which PostgreSQL refuses every change of the role. The
 * function goes when the transaction is rolled back, which the caller does.
 *
 * @param client in a transaction that may still write and has taken its settings
 * @throws Error when it is more than one statement, or the role could do more than read
 */
export async function askAs(client: ClientBase, role: string, query: string): Promise<TextAnswer> {
  await becomeReader(client, role);
  // One statement, or the server refuses it here. Nothing of it runs yet.
  const fields = await describe(client, query);
  const { rows } = await client.query<{ line: string }>("select pg_temp.rewind_answers($1, $2, $3) as line", [
    query,
    mostRows,
    mostCharacters,
  ]);
  return {
    types: fields.map(({ dataTypeID }) => dataTypeID),
    rows: rows.map(({ line }) => valuesOf(line, fields.length)),
  };
}

/** A failure to ask as a role at all, not one of the query. */
export class CannotAsk extends Error {
  override readonly name = "CannotAsk";
}

async function becomeReader(client: ClientBase, role: string): Promise<void> {
  const { rows } = await client.query<{ excess: string | null }>(
    `select case when rolsuper then 'is a superuser' else (
         select string_agg(g.rolname, ', ') from pg_catalog.pg_roles g
         where g.rolname = any ($2) and pg_has_role(r.oid, g.oid, 'member')) end as excess
     from pg_catalog.pg_roles r where r.rolname = $1`,
    [role, overServer],
  );
  const [found] = rows;
  if (found === undefined) throw new CannotAsk(`cannot ask as ${role}: there is no such role; ${readerRemedy}`);
  if (found.excess !== null) {
    throw new CannotAsk(`cannot ask as ${role}, which ${found.excess.replace(/^pg_/, "has pg_")}; ${readerRemedy}`);
  }
  try {
    await client.query(answering);
    await client.query(
      `alter function pg_temp.rewind_answers(text, integer, integer) owner to ${escapeIdentifier(role)}`,
    );
    await client.query("set transaction read only");
    await client.query(asGiven);
    await client.query(`set local role ${escapeIdentifier(role)}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CannotAsk(
      `cannot ask as ${role}: ${reason}; grant ${escapeIdentifier(role)} to the administrator, and temporary on the database to the role`,
      { cause: error },
    );
  }
}

const readerRemedy = "environment.database.reader names a role that may only read";

/** More rows or characters than a check compares are an error: the answer is the database's to choose. */
const answering = `create function pg_temp.rewind_answers(asked text, most_rows integer, most_characters integer)
  returns setof text language plpgsql security definer as $rewind$
  declare
    answer record;
    line text;
    lines integer := 0;
    characters bigint := 0;
  begin
    for answer in execute asked loop
      line := answer::text;
      lines := lines + 1;
      characters := characters + length(line);
      if lines > most_rows then raise exception 'more than % rows', most_rows; end if;
      if characters > most_characters then raise exception 'more than % characters', most_characters; end if;
      return next line;
    end loop;
  end $rewind$`;

/** What the driver's own query class does with a text, up to where the server would run it. */
class Description extends Query {
  fields: readonly FieldDef[] = [];

  prepare(connection: {
    parse(statement: { readonly name: string; readonly text: string; readonly types: readonly number[] }): void;
    describe(what: { readonly type: "S"; readonly name: string }): void;
    sync(): void;
  }): void {
    connection.parse({ name: "", text: this.asked, types: [] });
    connection.describe({ type: "S", name: "" });
    connection.sync();
  }

  handleRowDescription({ fields }: { readonly fields: readonly FieldDef[] }): void {
    this.fields = fields;
  }

  constructor(private readonly asked: string) {
    super({ text: asked, queryMode: "extended" } as { text: string });
  }
}

function describe(client: ClientBase, query: string): Promise<readonly FieldDef[]> {
  return new Promise((resolve, reject) => {
    const description = new Description(query);
    description.on("error", reject);
    description.on("end", () => {
      if (description.fields.length > 0) resolve(description.fields);
      else reject(new Error("the query returns no columns, so it shows nothing"));
    });
    client.query(description);
  });
}

/** The values of a row as PostgreSQL writes it: `(1,"a, b",)`. A value that is not there is NULL. */
export function valuesOf(line: string, columns: number): (string | null)[] {
  const values: (string | null)[] = [];
  const value = /"((?:[^"]|"")*)"|([^,"]*)/y;
  // Behind the opening parenthesis.
  value.lastIndex = 1;
  const body = line.slice(0, -1);
  for (let at = 0; at < columns; at += 1) {
    const [, quoted, bare = ""] = value.exec(body) ?? [];
    values.push(quoted === undefined ? (bare === "" ? null : bare) : quoted.replace(/(["\\])\1/g, "$1"));
    value.lastIndex += 1;
  }
  return values;
}
