import type { Resource } from "../plugin";
import { textOf, isEmpty, UNKNOWN, type Bag, type Value } from "../schema";
import type { Session, Sessions } from "./session";
import { database as shape } from "./shapes";

/** Databases. Every statement here stands alone: PostgreSQL creates and drops them outside of transactions. */
export function databaseResource(sessions: Sessions): Resource {
  return {
    shape,
    create: (planned) =>
      sessions.change(undefined, async (session) => {
        const name = textOf(planned.name);
        await session.run(`CREATE DATABASE ${session.name(name)} ${creation(session, planned).join(" ")}`);
        return { id: name, state: await found(session, name, planned) };
      }),
    read: (id, state) =>
      sessions.read(undefined, async (session) => {
        const present = await readDatabase(session, textOf(state.name ?? id));
        if (present === undefined) return undefined;
        const kept = { alterObjectOwnership: false, template: "template0", ...state };
        return { id, state: { ...kept, ...present } };
      }),
    update: (_id, prior, planned) =>
      sessions.change(undefined, async (session) => {
        const name = textOf(planned.name);
        const alter = (clause: string): Promise<unknown> =>
          session.run(`ALTER DATABASE ${session.name(name)} ${clause}`);
        const changed = (key: string): boolean => prior[key] !== planned[key];
        if (changed("name")) {
          await session.run(`ALTER DATABASE ${session.name(textOf(prior.name))} RENAME TO ${session.name(name)}`);
        }
        if (changed("owner")) await alter(`OWNER TO ${session.name(textOf(planned.owner))}`);
        if (changed("tablespaceName")) await alter(`SET TABLESPACE ${session.name(textOf(planned.tablespaceName))}`);
        if (changed("connectionLimit")) await alter(`CONNECTION LIMIT ${whole(planned.connectionLimit)}`);
        if (changed("allowConnections")) await alter(`ALLOW_CONNECTIONS ${String(planned.allowConnections === true)}`);
        if (changed("isTemplate")) await alter(`IS_TEMPLATE ${String(planned.isTemplate === true)}`);
        return found(session, name, planned);
      }),
    remove: (id, state) =>
      sessions.change(undefined, async (session) => {
        const name = textOf(state.name ?? id);
        const present = await readDatabase(session, name);
        if (present === undefined) return;
        if (present.isTemplate === true) await session.run(`ALTER DATABASE ${session.name(name)} IS_TEMPLATE false`);
        // Sessions of services that are going down with it must not keep it.
        await session.run(`DROP DATABASE ${session.name(name)} WITH (FORCE)`);
      }),
  };
}

function creation(session: Session, planned: Bag): string[] {
  const asked = (key: string): string | undefined => {
    const value = planned[key];
    return isEmpty(value) || value === UNKNOWN ? undefined : textOf(value);
  };
  const option = (word: string, value: string | undefined, quote: (text: string) => string): string[] => {
    if (value === undefined) return [];
    return [`${word} ${value.toUpperCase() === "DEFAULT" ? "DEFAULT" : quote(value)}`];
  };
  return [
    ...option("OWNER", asked("owner") ?? session.user, session.name),
    ...option("TEMPLATE", asked("template") ?? "template0", session.name),
    ...option("ENCODING", asked("encoding") ?? "UTF8", session.literal),
    ...option("LC_COLLATE", asked("lcCollate"), session.literal),
    ...option("LC_CTYPE", asked("lcCtype"), session.literal),
    ...option("TABLESPACE", asked("tablespaceName"), session.name),
    `ALLOW_CONNECTIONS ${String(planned.allowConnections === true)}`,
    `CONNECTION LIMIT ${whole(planned.connectionLimit)}`,
    `IS_TEMPLATE ${String(planned.isTemplate === true)}`,
  ];
}

function whole(value: Value | undefined): number {
  return Math.trunc(Number(value));
}

async function found(session: Session, name: string, planned: Bag): Promise<Bag> {
  const present = await readDatabase(session, name);
  if (present === undefined) throw new Error(`database ${name}: gone right after the change`);
  const template = planned.template;
  return {
    ...planned,
    template: isEmpty(template) || template === UNKNOWN ? "template0" : (template ?? null),
    ...present,
  };
}

async function readDatabase(session: Session, name: string): Promise<Bag | undefined> {
  const [row] = await session.run(
    `SELECT datname, pg_get_userbyid(datdba)::text AS owner, pg_encoding_to_char(encoding)::text AS encoding, datcollate,
            datctype, spcname, datconnlimit, datallowconn, datistemplate
       FROM pg_database JOIN pg_tablespace ON dattablespace = pg_tablespace.oid WHERE datname = $1`,
    [name],
  );
  if (row === undefined) return undefined;
  return {
    allowConnections: row.datallowconn as boolean,
    connectionLimit: row.datconnlimit as number,
    encoding: row.encoding as string,
    isTemplate: row.datistemplate as boolean,
    lcCollate: row.datcollate as string,
    lcCtype: row.datctype as string,
    name: row.datname as string,
    owner: row.owner as string,
    tablespaceName: row.spcname as string,
  };
}
