import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { escapeIdentifier, escapeLiteral, type ClientBase } from "pg";
import { programsIn, run } from "../programs";
import { connected, type Server } from "../server";
import {
  connection,
  countRows,
  extensionsIn,
  programs,
  variables,
  type DumpPlace,
  type Extension,
  type Held,
  type RowCounts,
} from "./dump";
import { giveBack } from "./owners";
import { dropScratchRole, makeScratchRole } from "./scratch-role";
import { dropDatabase, maintenance, oneStatement } from "./swap";

/** How a dump is restored beside. */
export interface Restoring {
  /** What it was dumped with: how many rows there are, and who owns what. */
  readonly held: Held | undefined;
  /**
   * Whether something proves who made the dump. Only then is run with the administrator's rights what no other role may do:
   * event triggers, publications, default privileges, which are left out otherwise; and grants as they were made, which
   * the owner makes otherwise. None of that runs a function of the dump.
   */
  readonly proven: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A dump that was restored beside the database that it is of. */
export interface Beside {
  /** The name of the new database; the caller drops it, or puts it into the place of the other. */
  readonly database: string;
  /** What was left out, as the dump's own list has it. */
  readonly left: readonly string[];
}

/**
 * Restores a dump into a new database beside the one that it is of, and counts its rows. A dump is a program: all of it
 * runs as a role that was made for it and has nothing, on a connection of that role. So do the functions that its tables,
 * indexes and views call. Owners are given by the administrator afterwards, who runs nothing of the dump by that.
 * @throws Error in one line for people; the new database is gone then
 */
export async function restoreBeside(
  { server, programs: folder }: DumpPlace,
  dump: string,
  { held, proven, signal }: Restoring,
): Promise<Beside> {
  const program = join(programsIn(folder, programs), "pg_restore");
  const name = `rewind_scratch_${randomBytes(6).toString("hex")}`;
  const own = mkdtempSync(join(tmpdir(), "rewind-dump-"));
  try {
    const lists = await listsOf(program, dump, server, { proven, signal });
    const role = await makeScratchRole(server, name);
    await createLike(server, name);
    const there = { ...server, database: name };
    const made = await prepare(server, there, name, {
      wanted: lists.extensions,
      // A database that was lost has none: then a backup says it that is proved.
      known: proven ? (held?.extensions ?? []) : [],
    });
    const restoring = (as: Server, lines: readonly string[], how: readonly string[]): Promise<string> => {
      const list = join(own, "list");
      writeFileSync(list, `${lines.join("\n")}\n`, { mode: 0o600 });
      const args = [...connection({ ...as, database: name }), ...how, "--exit-on-error", "--use-list", list, dump];
      return run(program, args, { env: variables(as), ...(signal === undefined ? {} : { signal }) });
    };
    const asScratch = ["--no-owner", "--enable-row-security", "--no-subscriptions"];
    const lines = lists.lines.filter((line) => !made.includes(schemaIn(line) ?? ""));
    await restoring(role, lines, [...asScratch, "--section=pre-data"]);
    await restoring(role, lines, [...asScratch, "--section=data"]);
    // As the owner of the tables, and before policies: an administrator's question could run a function of the dump.
    const counts = await connected({ ...role, database: name }, countRows);
    const wrong = held === undefined ? [] : differences(held.rows, counts);
    if (wrong.length > 0) throw new Error(`the dump does not hold what was counted: ${wrong.slice(0, 5).join("; ")}`);
    await restoring(role, lines, [...asScratch, "--section=post-data"]);
    await giveBack(server, there, name, held?.owners);
    if (proven && lists.administrators.length > 0) {
      await restoring(server, lists.administrators, ["--no-owner", "--no-subscriptions"]);
    }
    await dropScratchRole(server, name);
    return { database: name, left: proven ? [] : lists.administrators };
  } catch (error) {
    await dropDatabase(server, name);
    await dropScratchRole(server, name).catch(() => undefined);
    throw error;
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

function differences(expected: RowCounts, counts: RowCounts): string[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(counts)])].sort();
  return names.flatMap((name) =>
    expected[name] === counts[name] ? [] : [`${name} has ${counts[name] ?? "no"} rows, not ${expected[name] ?? "any"}`],
  );
}

/** What a dump holds, by who restores it; each is a line of pg_restore's own list. */
interface Lists {
  readonly lines: readonly string[];
  readonly administrators: readonly string[];
  readonly extensions: readonly string[];
}

/** What only a superuser may make, or an owner of all that it is about. */
const administrators =
  /^(?:(?:COMMENT - )?(?:EVENT TRIGGER|PUBLICATION)|PUBLICATION TABLES? |DEFAULT ACL |ACL (?:pg_catalog|information_schema) )/;
const grants = /^(?:DEFAULT )?ACL /;
const ofExtensions = /^(?:COMMENT - )?EXTENSION /;

async function listsOf(
  program: string,
  dump: string,
  server: Server,
  { proven, signal }: Pick<Restoring, "proven" | "signal">,
): Promise<Lists> {
  const text = await run(program, ["--list", dump], {
    env: variables(server),
    ...(signal === undefined ? {} : { signal }),
  });
  const all = text.split("\n").filter((line) => /^\d+; /.test(line));
  const isFor = (pattern: RegExp) => (line: string) => pattern.test(line.replace(/^\d+; \d+ \d+ /, ""));
  const others = all.filter((line) => !isFor(ofExtensions)(line));
  const isAdministrators = (line: string): boolean => isFor(administrators)(line) || (proven && isFor(grants)(line));
  return {
    lines: others.filter((line) => !isAdministrators(line)),
    administrators: others.filter(isAdministrators),
    extensions: all.flatMap((line) => /^\d+; \d+ \d+ EXTENSION - (.+?) *$/.exec(line)?.[1] ?? []),
  };
}

/** The schema that a line makes. */
const schemaIn = (line: string): string | undefined => /^\d+; \d+ \d+ SCHEMA - (.+) \S+$/.exec(line)?.[1];

/**
 * Makes what the role may not: the extensions, as the database has them that the dump is of, or as a proved backup says.
 * Which scripts run for that is not the dump's to say.
 * @returns the schemas that were made for them
 */
async function prepare(
  server: Server,
  there: Server,
  role: string,
  { wanted, known }: { readonly wanted: readonly string[]; readonly known: readonly Extension[] },
): Promise<string[]> {
  const own = await connected(server, extensionsIn);
  // Of one that both have, the database says where its objects lie.
  const present = [...own, ...known.filter(({ name }) => !own.some((each) => each.name === name))];
  const missing = wanted.filter((name) => name !== "plpgsql" && !present.some((each) => each.name === name));
  if (missing.length > 0) {
    throw new Error(`the dump needs extensions that ${server.database} does not have: ${missing.join(", ")}`);
  }
  return connected(there, async (client) => {
    const to = escapeIdentifier(role);
    await owning(client, "public", to);
    const made: string[] = [];
    for (const { name, schema } of present.filter((each) => wanted.includes(each.name))) {
      if (!made.includes(schema) && !(await hasSchema(client, schema))) {
        await client.query(oneStatement(`create schema ${escapeIdentifier(schema)} authorization ${to}`));
        made.push(schema);
      }
      const statement = `create extension ${escapeIdentifier(name)} schema ${escapeIdentifier(schema)} cascade`;
      await client.query(oneStatement(statement));
    }
    const grants = await client.query<{ sql: string }>(
      `select format('grant usage on foreign data wrapper %I to ${to}', fdwname) as sql from pg_foreign_data_wrapper
       union all select format('grant create on tablespace %I to ${to}', spcname) from pg_tablespace where spcname !~ '^pg_'
       union all select format('grant insert on %s to ${to}', c.oid::regclass) from pg_class c
         join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e' where relkind = 'r'`,
    );
    for (const { sql } of grants.rows) await client.query(oneStatement(sql));
    return made;
  });
}

async function hasSchema(client: ClientBase, name: string): Promise<boolean> {
  return (await client.query("select from pg_namespace where nspname = $1", [name])).rowCount === 1;
}

/** Before PostgreSQL 15 the schema public is not the database owner's. */
async function owning(client: ClientBase, schema: string, to: string): Promise<void> {
  const { rows } = await client.query<{ owner: string }>(
    "select pg_get_userbyid(nspowner) as owner from pg_namespace where nspname = $1",
    [schema],
  );
  if (rows[0] === undefined || rows[0].owner === "pg_database_owner") return;
  await client.query(oneStatement(`alter schema ${escapeIdentifier(schema)} owner to ${to}`));
}

interface DatabaseRow {
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  /** `c` is the C library's, `i` is ICU's. */
  readonly provider: string | null;
  readonly locale: string | null;
}

/** Makes an empty database with the encoding and collation of another, of the role of the same name, which alone gets in. */
async function createLike(server: Server, name: string): Promise<void> {
  await connected(maintenance(server), async (client) => {
    const { rows } = await client.query<DatabaseRow>(
      // What the columns of collations are called differs between versions of the server.
      `select pg_encoding_to_char(encoding) as encoding,
         datcollate as collate, datctype as ctype, to_jsonb(d) ->> 'datlocprovider' as provider,
         coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') as locale
       from pg_database d where datname = $1`,
      [server.database],
    );
    const [row] = rows;
    if (row === undefined) throw new Error(`there is no database ${server.database}`);
    const { encoding, collate, ctype, provider, locale } = row;
    const icu = provider === "i" && locale !== null ? ` locale_provider icu icu_locale ${escapeLiteral(locale)}` : "";
    const id = escapeIdentifier(name);
    await client.query(
      oneStatement(`create database ${id} owner ${id} template template0
        encoding ${escapeLiteral(encoding)} lc_collate ${escapeLiteral(collate)} lc_ctype ${escapeLiteral(ctype)}${icu}`),
    );
    await client.query(oneStatement(`revoke all on database ${id} from public`));
  });
}
