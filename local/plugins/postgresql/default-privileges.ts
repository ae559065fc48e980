import type { Resource } from "../plugin";
import { textOf, isEmpty, type Bag } from "../schema";
import { asAsked, exists, grantee, isPublic, list, privilegesOf } from "./catalogue";
import { together, type Session, type Sessions } from "./session";
import { defaultPrivileges as shape } from "./shapes";

/** Catalogue letters of the object types that privileges can be set on beforehand. */
const letters: Readonly<Record<string, string>> = {
  table: "r",
  sequence: "S",
  function: "f",
  routine: "f",
  type: "T",
  schema: "n",
};

/** Privileges that objects get which their owner has yet to create. */
export function defaultPrivilegesResource(sessions: Sessions): Resource {
  const apply = (planned: Bag): Promise<Bag> => {
    const privileges = privilegesOf(planned);
    if (planned.objectType === "schema" && !isEmpty(planned.schema)) {
      throw new Error("default privileges on schemas: schema cannot be given");
    }
    return sessions.change(textOf(planned.database), async (session) => {
      const { head, kind } = statementOf(session, planned);
      const role = grantee(session, textOf(planned.role));
      await together(session, async () => {
        await session.run(`${head} REVOKE ALL ON ${kind} FROM ${role}`);
        if (privileges.length === 0) return;
        const further = planned.withGrantOption === true ? " WITH GRANT OPTION" : "";
        await session.run(`${head} GRANT ${privileges.join(", ")} ON ${kind} TO ${role}${further}`);
      });
      return { ...planned, privileges: await readPrivileges(session, planned) };
    });
  };
  return {
    shape,
    create: async (planned) => ({ id: idOf(planned), state: await apply(planned) }),
    read: async (id, state) => {
      if (isEmpty(state.role)) throw new Error(`default privileges ${id}: cannot be imported`);
      if (!(await isThere(sessions, state))) return undefined;
      const privileges = await sessions.read(textOf(state.database), (session) => readPrivileges(session, state));
      // None at all is the same as never set.
      if (privileges.length === 0 && !isEmpty(state.privileges)) return undefined;
      return { id, state: { ...state, privileges } };
    },
    update: (_id, _prior, planned) => apply(planned),
    remove: async (_id, state) => {
      if (!(await isThere(sessions, state))) return;
      await sessions.change(textOf(state.database), async (session) => {
        const { head, kind } = statementOf(session, state);
        await session.run(`${head} REVOKE ALL ON ${kind} FROM ${grantee(session, textOf(state.role))}`);
      });
    },
  };
}

/** `role_database_schema_owner_type`, as upstream composes it. */
export function idOf(planned: Bag): string {
  const schema = isEmpty(planned.schema) ? "noschema" : planned.schema;
  return [planned.role, planned.database, schema, planned.owner, planned.objectType].map(String).join("_");
}

async function isThere(sessions: Sessions, state: Bag): Promise<boolean> {
  const roles = [textOf(state.role), textOf(state.owner)].filter((role) => !isPublic(role));
  const database = textOf(state.database);
  const known = await sessions.read(undefined, async (session) => {
    for (const role of roles) if (!(await exists(session, "role", role))) return false;
    return exists(session, "database", database);
  });
  if (!known || isEmpty(state.schema)) return known;
  return sessions.read(database, (session) => exists(session, "schema", textOf(state.schema)));
}

function statementOf(session: Session, bag: Bag): { head: string; kind: string } {
  const objectType = textOf(bag.objectType);
  if (!Object.hasOwn(letters, objectType)) {
    const known = Object.keys(letters).join(", ");
    throw new Error(`default privileges: expected objectType ${known}, got ${JSON.stringify(objectType)}`);
  }
  const place = isEmpty(bag.schema) ? "" : ` IN SCHEMA ${session.name(textOf(bag.schema))}`;
  return {
    head: `ALTER DEFAULT PRIVILEGES FOR ROLE ${session.name(textOf(bag.owner))}${place}`,
    kind: `${objectType.toUpperCase()}S`,
  };
}

async function readPrivileges(session: Session, bag: Bag): Promise<string[]> {
  const role = textOf(bag.role);
  const objectType = textOf(bag.objectType);
  const receiver = isPublic(role)
    ? "grantee = 0 AND $1::text IS NOT NULL"
    : "grantee = (SELECT oid FROM pg_roles WHERE rolname = $1)";
  const rows = await session.run(
    `SELECT DISTINCT privilege_type::text AS privilege
       FROM (SELECT defaclnamespace, defaclrole, (aclexplode(defaclacl)).* FROM pg_default_acl WHERE defaclobjtype = $2) AS acl
      WHERE ${receiver} AND pg_get_userbyid(defaclrole) = $3
        AND defaclnamespace = COALESCE((SELECT oid FROM pg_namespace WHERE nspname = $4), 0)
      ORDER BY 1`,
    [role, letters[objectType], bag.owner, isEmpty(bag.schema) ? null : bag.schema],
  );
  const found = rows.map((row) => String(row.privilege));
  return asAsked(objectType, found, list(bag.privileges));
}
