import type { Resource } from "../plugin";
import { isEmpty, textOf, UNKNOWN, type Bag } from "../schema";
import { exists } from "./catalogue";
import type { Session, Sessions } from "./session";
import { extension as shape } from "./shapes";

/** Extensions of a database. */
export function extensionResource(sessions: Sessions): Resource {
  return {
    shape,
    create: (planned) =>
      sessions.change(databaseOf(planned), async (session) => {
        const name = textOf(planned.name);
        const schema = asked(planned, "schema");
        const version = asked(planned, "version");
        await session.run(
          [
            `CREATE EXTENSION IF NOT EXISTS ${session.name(name)}`,
            ...(schema === undefined ? [] : [`SCHEMA ${session.name(schema)}`]),
            ...(version === undefined ? [] : [`VERSION ${session.name(version)}`]),
            ...(planned.createCascade === true ? ["CASCADE"] : []),
          ].join(" "),
        );
        const state = await found(session, name, planned);
        return { id: `${textOf(state.database)}.${name}`, state };
      }),
    read: async (id, state) => {
      const [database, name] = placeOf(id, state);
      if (!(await sessions.read(undefined, (session) => exists(session, "database", database)))) return undefined;
      return sessions.read(database, async (session) => {
        const present = await readExtension(session, name);
        if (present === undefined) return undefined;
        return { id, state: { createCascade: false, dropCascade: false, ...state, database, name, ...present } };
      });
    },
    update: (_id, prior, planned) =>
      sessions.change(databaseOf(planned), async (session) => {
        const name = textOf(planned.name);
        const [schema, version] = [asked(planned, "schema"), asked(planned, "version")];
        if (schema !== undefined && schema !== prior.schema) {
          await session.run(`ALTER EXTENSION ${session.name(name)} SET SCHEMA ${session.name(schema)}`);
        }
        if (version !== undefined && version !== prior.version) {
          await session.run(`ALTER EXTENSION ${session.name(name)} UPDATE TO ${session.name(version)}`);
        }
        return found(session, name, planned);
      }),
    remove: async (id, state) => {
      const [database, name] = placeOf(id, state);
      if (!(await sessions.read(undefined, (session) => exists(session, "database", database)))) return;
      await sessions.change(database, async (session) => {
        const how = state.dropCascade === true ? "CASCADE" : "RESTRICT";
        await session.run(`DROP EXTENSION IF EXISTS ${session.name(name)} ${how}`);
      });
    },
  };
}

function asked(planned: Bag, key: string): string | undefined {
  const value = planned[key];
  return isEmpty(value) || value === UNKNOWN ? undefined : textOf(value);
}

function databaseOf(bag: Bag): string | undefined {
  return asked(bag, "database");
}

/** Database and name, from the state or, for an import, from the id `database.extension`. */
function placeOf(id: string, state: Bag): [string, string] {
  const dot = id.indexOf(".");
  return [textOf(state.database ?? id.slice(0, dot)), textOf(state.name ?? id.slice(dot + 1))];
}

async function found(session: Session, name: string, planned: Bag): Promise<Bag> {
  const present = await readExtension(session, name);
  if (present === undefined) throw new Error(`extension ${name}: gone right after the change`);
  const [row] = await session.run("SELECT current_database()::text AS name");
  return { ...planned, database: String(row?.name), name, ...present };
}

async function readExtension(session: Session, name: string): Promise<Bag | undefined> {
  const [row] = await session.run(
    `SELECT extversion::text AS version, nspname::text AS schema
       FROM pg_extension JOIN pg_namespace ON extnamespace = pg_namespace.oid WHERE extname = $1`,
    [name],
  );
  return row === undefined ? undefined : { version: String(row.version), schema: String(row.schema) };
}
