import type { Resource } from "../plugin";
import { textOf, isEmpty, UNKNOWN, type Bag } from "../schema";
import { together, type Session, type Sessions } from "./session";
import { schema as shape } from "./shapes";
import { exists } from "./catalogue";

/** Schemas, each in the database that it names or, without one, in the provider's own. */
export function schemaResource(sessions: Sessions): Resource {
  return {
    shape,
    create: (planned) => {
      refuse(planned);
      return sessions.change(databaseOf(planned), async (session) => {
        const name = textOf(planned.name);
        const owner = planned.owner;
        const asked = isEmpty(owner) || owner === UNKNOWN ? undefined : session.name(textOf(owner));
        const database = await currentDatabase(session);
        await together(session, async () => {
          const condition = planned.ifNotExists === true ? "IF NOT EXISTS " : "";
          await session.run(`CREATE SCHEMA ${condition}${session.name(name)}`);
          // Said apart: a schema that was there before takes no owner from its creation.
          if (asked !== undefined) await session.run(`ALTER SCHEMA ${session.name(name)} OWNER TO ${asked}`);
        });
        return { id: `${database}.${name}`, state: await found(session, name, planned) };
      });
    },
    read: async (id, state) => {
      const [database, name] = placeOf(id, state);
      if (!(await sessions.read(undefined, (session) => exists(session, "database", database)))) return undefined;
      return sessions.read(database, async (session) => {
        const owner = await ownerOf(session, name);
        if (owner === undefined) return undefined;
        return { id, state: { dropCascade: false, ifNotExists: true, policies: [], ...state, database, name, owner } };
      });
    },
    update: (_id, prior, planned) => {
      refuse(planned);
      return sessions.change(databaseOf(planned), async (session) => {
        const [old, name] = [textOf(prior.name), textOf(planned.name)];
        await together(session, async () => {
          if (old !== name) await session.run(`ALTER SCHEMA ${session.name(old)} RENAME TO ${session.name(name)}`);
          if (prior.owner !== planned.owner) {
            await session.run(`ALTER SCHEMA ${session.name(name)} OWNER TO ${session.name(textOf(planned.owner))}`);
          }
        });
        return found(session, name, planned);
      });
    },
    remove: async (id, state) => {
      const [database, name] = placeOf(id, state);
      if (!(await sessions.read(undefined, (session) => exists(session, "database", database)))) return;
      await sessions.change(database, async (session) => {
        const how = state.dropCascade === true ? "CASCADE" : "RESTRICT";
        await session.run(`DROP SCHEMA IF EXISTS ${session.name(name)} ${how}`);
      });
    },
  };
}

function refuse(planned: Bag): void {
  if (isEmpty(planned.policies) || planned.policies === UNKNOWN) return;
  throw new Error(`schema ${textOf(planned.name)}: policies are not for the local postgresql plugin; use Grant`);
}

function databaseOf(bag: Bag): string | undefined {
  const database = bag.database;
  return isEmpty(database) || database === UNKNOWN ? undefined : textOf(database);
}

/** Database and name, from the state or, for an import, from the id `database.schema`. */
function placeOf(id: string, state: Bag): [string, string] {
  const dot = id.indexOf(".");
  return [textOf(state.database ?? id.slice(0, dot)), textOf(state.name ?? id.slice(dot + 1))];
}

async function found(session: Session, name: string, planned: Bag): Promise<Bag> {
  const owner = await ownerOf(session, name);
  if (owner === undefined) throw new Error(`schema ${name}: gone right after the change`);
  return { ...planned, policies: [], database: await currentDatabase(session), name, owner };
}

async function currentDatabase(session: Session): Promise<string> {
  const [row] = await session.run("SELECT current_database()::text AS name");
  return String(row?.name);
}

async function ownerOf(session: Session, name: string): Promise<string | undefined> {
  const [row] = await session.run(
    "SELECT pg_get_userbyid(nspowner)::text AS owner FROM pg_namespace WHERE nspname = $1",
    [name],
  );
  return row?.owner as string | undefined;
}
