import { escapeIdentifier, escapeLiteral, type ClientBase } from "pg";
import { connected, type Server } from "../server";
import type { Owners } from "./dump";
import { maintenance, oneStatement } from "./swap";

/** What PostgreSQL calls a kind of object in `alter … owner to`, where that is another word. */
const words: Readonly<Record<string, string>> = {
  function: "routine",
  procedure: "routine",
  aggregate: "routine",
  "statistics object": "statistics",
  "foreign-data wrapper": "foreign data wrapper",
};
/** The kinds whose names may stand in SQL. */
const kinds = new Set(
  "schema|table|view|materialized view|foreign table|sequence|function|procedure|aggregate|type|collation|conversion|operator|operator class|operator family|text search dictionary|text search configuration|statistics object|foreign-data wrapper|server|language|large object".split(
    "|",
  ),
);

/**
 * Gives everything that a role has in a database to those who own it, and the database to the owner of the one that it is
 * like. What is given is asked of the server, which quotes it; the backup says only to whom.
 * @param owners who owns what; all of it is the database's owner's where nothing says more
 */
export async function giveBack(server: Server, there: Server, role: string, owners: Owners | undefined): Promise<void> {
  const owner = await connected(maintenance(server), async (client) => {
    const { rows } = await client.query<{ owner: string }>(
      "select pg_get_userbyid(datdba) as owner from pg_database where datname = $1",
      [server.database],
    );
    return rows[0]?.owner ?? server.user;
  });
  const named = new Map(Object.entries(owners ?? {}).flatMap(([name, objects]) => objects.map((each) => [each, name])));
  await connected(there, async (client) => {
    const objects = await objectsOf(client, role);
    // Nothing of the dump may stand in the way of what is meant: names are whole, and one statement is one.
    for (const { kind, identity } of objects) {
      const to = owners === undefined ? owner : named.get(`${kind} ${identity}`);
      if (!kinds.has(kind)) throw new Error(`the dump holds a ${kind}, ${identity}, which only a superuser may own`);
      if (to === undefined) throw new Error(`the backup does not say who owns ${kind} ${identity}`);
      const sql = `alter ${words[kind] ?? kind} ${identity} owner to ${escapeIdentifier(to)}`;
      await client.query(oneStatement(sql)).catch((error: unknown) => {
        throw new Error(`${kind} ${identity} cannot be given to ${to}: ${(error as Error).message}`);
      });
    }
    await givePublic(client, named.get("schema public"));
    await client.query(
      oneStatement(`alter database ${escapeIdentifier(there.database)} owner to ${escapeIdentifier(owner)}`),
    );
    const [left] = await objectsOf(client, role);
    if (left !== undefined) throw new Error(`${left.kind} ${left.identity} belongs to nobody`);
    // The multirange of a range stays with the role that made it, and cannot be given away by its name.
    await client.query(oneStatement(`reassign owned by ${escapeIdentifier(role)} to ${escapeIdentifier(owner)}`));
    // Its rights go; it has nothing else.
    await client.query(oneStatement(`drop owned by ${escapeIdentifier(role)}`));
  });
}

/** The schema public is in every new database, and is not among what the role has where it is the database owner's. */
async function givePublic(client: ClientBase, owner: string | undefined): Promise<void> {
  if (owner === undefined) return;
  await client.query(oneStatement(`alter schema public owner to ${escapeIdentifier(owner)}`));
}

interface Owned {
  readonly kind: string;
  readonly identity: string;
}

/**
 * What a role owns in a database. What goes with something else is left out: the sequence of a column, the row type of a
 * table, the multirange of a range.
 */
async function objectsOf(client: ClientBase, role: string): Promise<Owned[]> {
  const { rows } = await client.query<Owned>(
    `select i.type as kind, i.identity from pg_shdepend s, pg_identify_object(s.classid, s.objid, 0) i
     where s.dbid = (select oid from pg_database where datname = current_database())
       and s.refclassid = 'pg_authid'::regclass and s.refobjid = ${escapeLiteral(role)}::regrole and s.deptype = 'o'
       and i.type <> 'composite type'
       and not exists (select from pg_class c join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid
         where s.classid = 'pg_class'::regclass and c.oid = s.objid and c.relkind = 'S'
           and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i'))
       and not exists (select from pg_type t where s.classid = 'pg_type'::regclass and t.oid = s.objid and t.typtype = 'm')
     order by i.type, i.identity`,
  );
  return rows;
}
