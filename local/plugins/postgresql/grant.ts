import type { Resource } from "../plugin";
import { textOf, identity, isEmpty, type Bag } from "../schema";
import { asAsked, exists, grantee, isPublic, list, privilegesOf } from "./catalogue";
import { together, type Session, type Sessions } from "./session";
import { grant as shape } from "./shapes";

/** Privileges on a database, a schema, or the tables or sequences of a schema. */
export function grantResource(sessions: Sessions): Resource {
  const apply = (planned: Bag): Promise<Bag> => {
    const privileges = privilegesOf(planned);
    return sessions.change(textOf(planned.database), async (session) => {
      const target = targetOf(session, planned);
      const role = grantee(session, textOf(planned.role));
      // Both in one go: between the two the role would be without.
      await together(session, async () => {
        await session.run(`REVOKE ALL PRIVILEGES ON ${target} FROM ${role}`);
        if (privileges.length === 0) return;
        const further = planned.withGrantOption === true ? " WITH GRANT OPTION" : "";
        await session.run(`GRANT ${privileges.join(", ")} ON ${target} TO ${role}${further}`);
      });
      return { ...planned, privileges: await readPrivileges(session, planned) };
    });
  };
  return {
    shape,
    create: async (planned) => ({ id: idOf(planned), state: await apply(planned) }),
    read: async (id, state) => {
      if (isEmpty(state.role)) throw new Error(`grant ${id}: cannot be imported`);
      if (!(await isThere(sessions, state))) return undefined;
      const privileges = await sessions.read(textOf(state.database), (session) => readPrivileges(session, state));
      return { id, state: { ...state, privileges } };
    },
    update: (_id, _prior, planned) => apply(planned),
    remove: async (_id, state) => {
      if (!(await isThere(sessions, state))) return;
      await sessions.change(textOf(state.database), async (session) => {
        const role = grantee(session, textOf(state.role));
        await session.run(`REVOKE ALL PRIVILEGES ON ${targetOf(session, state)} FROM ${role}`);
      });
    },
  };
}

/** `role_database[_schema]_type[_object…]`, as upstream composes it. */
export function idOf(planned: Bag): string {
  const isDatabase = planned.objectType === "database";
  const place = isDatabase ? [] : [textOf(planned.schema ?? "")];
  const objects = list(planned.objects).sort();
  return [planned.role, planned.database, ...place, planned.objectType, ...objects].map(String).join("_");
}

async function isThere(sessions: Sessions, state: Bag): Promise<boolean> {
  const role = textOf(state.role);
  const database = textOf(state.database);
  const both = await sessions.read(undefined, async (session) => {
    const known = isPublic(role) || (await exists(session, "role", role));
    return known && (await exists(session, "database", database));
  });
  if (!both || state.objectType === "database") return both;
  return sessions.read(database, (session) => exists(session, "schema", textOf(state.schema)));
}

function targetOf(session: Session, bag: Bag): string {
  const objectType = textOf(bag.objectType);
  if (!isEmpty(bag.columns)) throw new Error("grant: columns are not for the local postgresql plugin");
  const objects = list(bag.objects);
  if (objectType === "database") return `DATABASE ${session.name(textOf(bag.database))}`;
  if (isEmpty(bag.schema)) throw new Error(`grant on a ${objectType}: schema is required`);
  const schema = session.name(textOf(bag.schema));
  if (objectType === "schema") return `SCHEMA ${schema}`;
  if (objectType !== "table" && objectType !== "sequence") {
    throw new Error(
      `grant: expected objectType database, schema, table or sequence, got ${JSON.stringify(objectType)}`,
    );
  }
  const word = objectType.toUpperCase();
  if (objects.length === 0) return `ALL ${word}S IN SCHEMA ${schema}`;
  return `${word} ${objects.map((object) => `${schema}.${session.name(object)}`).join(", ")}`;
}

const grantedTo = "JOIN pg_roles ON grantee = pg_roles.oid WHERE rolname = $1";
const grantedToAll = "WHERE grantee = 0 AND $1::text IS NOT NULL";

async function readPrivileges(session: Session, bag: Bag): Promise<string[]> {
  const objectType = textOf(bag.objectType);
  const role = textOf(bag.role);
  const receiver = isPublic(role) ? grantedToAll : grantedTo;
  if (objectType === "database" || objectType === "schema") {
    const acl =
      objectType === "database"
        ? "SELECT (aclexplode(datacl)).* FROM pg_database WHERE datname = $2"
        : "SELECT (aclexplode(nspacl)).* FROM pg_namespace WHERE nspname = $2";
    const rows = await session.run(`SELECT privilege_type FROM (${acl}) AS acl ${receiver}`, [role, bag[objectType]]);
    return asAsked(objectType, unique(rows.map((row) => String(row.privilege_type))), bag.privileges);
  }
  const rows = await session.run(
    `SELECT relname, ARRAY(SELECT privilege_type::text FROM aclexplode(relacl) AS acl ${receiver}) AS privileges
       FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid
      WHERE nspname = $2 AND relkind = ANY($3) AND ($4::text[] IS NULL OR relname = ANY($4))
      ORDER BY relname`,
    [role, bag.schema, objectType === "table" ? ["r", "v", "m", "f", "p"] : ["S"], objectsOf(bag)],
  );
  // One object that differs is drift of the whole; without objects there is nothing that could differ.
  const asked = list(bag.privileges);
  for (const row of rows) {
    const privileges = asAsked(objectType, unique(row.privileges as string[]), bag.privileges);
    if (identity([...asked].sort()) !== identity(privileges)) return privileges;
  }
  return asked;
}

function objectsOf(bag: Bag): string[] | null {
  const objects = list(bag.objects);
  return objects.length > 0 ? objects : null;
}

function unique(privileges: string[]): string[] {
  return [...new Set(privileges)].sort();
}
