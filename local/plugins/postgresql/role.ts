import type { Resource } from "../plugin";
import { textOf, isEmpty, type Bag, type Value } from "../schema";
import { together, type Session, type Sessions } from "./session";
import { role as shape } from "./shapes";

/** Login roles and groups with their attributes, memberships and settings. */
export function roleResource(sessions: Sessions): Resource {
  return {
    shape,
    create: (planned) =>
      sessions.change(undefined, async (session) => {
        refuse(planned);
        const name = textOf(planned.name);
        await together(session, async () => {
          await session.run(`CREATE ROLE ${session.name(name)} WITH ${attributes(session, planned).join(" ")}`);
          await applySettings(session, {}, planned);
        });
        return { id: name, state: await reread(session, planned) };
      }),
    read: (id, state) =>
      sessions.read(undefined, async (session) => {
        const found = await readRole(session, textOf(state.name ?? id));
        if (found === undefined) return undefined;
        // The stored password is a hash: whether it still is the one in the state cannot be told.
        const kept = { password: null, skipDropRole: false, skipReassignOwned: false, ...state };
        return { id, state: { ...kept, ...found } };
      }),
    update: (_id, prior, planned) =>
      sessions.change(undefined, async (session) => {
        refuse(planned);
        const [old, name] = [textOf(prior.name), textOf(planned.name)];
        await together(session, async () => {
          if (old !== name) await session.run(`ALTER ROLE ${session.name(old)} RENAME TO ${session.name(name)}`);
          // A password that did not change stays out: its hash would, and with it the salt that sessions rely on.
          const changed = planned.password === prior.password ? { ...planned, password: null } : planned;
          await session.run(`ALTER ROLE ${session.name(name)} WITH ${attributes(session, changed).join(" ")}`);
          if (isEmpty(planned.password) && !isEmpty(prior.password)) {
            await session.run(`ALTER ROLE ${session.name(name)} WITH PASSWORD NULL`);
          }
          await applySettings(session, prior, planned);
        });
        return reread(session, planned);
      }),
    remove: (id, state) =>
      sessions.change(undefined, async (session) => {
        const name = textOf(state.name ?? id);
        if ((await readRole(session, name)) === undefined) return;
        await together(session, async () => {
          if (state.skipReassignOwned !== true) {
            await session.run(`REASSIGN OWNED BY ${session.name(name)} TO CURRENT_USER`);
            await session.run(`DROP OWNED BY ${session.name(name)}`);
          }
          if (state.skipDropRole !== true) await session.run(`DROP ROLE ${session.name(name)}`);
        });
      }),
  };
}

function refuse(planned: Bag): void {
  if (isEmpty(planned.passwordWo)) return;
  throw new Error(`role ${textOf(planned.name)}: passwordWo is not for the local postgresql plugin; use password`);
}

function attributes(session: Session, planned: Bag): string[] {
  const flags: Record<string, string> = {
    bypassRowLevelSecurity: "BYPASSRLS",
    createDatabase: "CREATEDB",
    createRole: "CREATEROLE",
    inherit: "INHERIT",
    login: "LOGIN",
    replication: "REPLICATION",
    superuser: "SUPERUSER",
  };
  const clauses = Object.entries(flags).map(([key, word]) => (planned[key] === true ? word : `NO${word}`));
  clauses.push(`CONNECTION LIMIT ${Math.trunc(Number(planned.connectionLimit))}`);
  clauses.push(`VALID UNTIL ${session.literal(textOf(planned.validUntil || "infinity"))}`);
  const password = planned.password;
  if (typeof password === "string" && password !== "") {
    // Upstream's word for "no password", whatever its case.
    clauses.push(`PASSWORD ${password.toUpperCase() === "NULL" ? "NULL" : session.literal(password)}`);
  }
  return clauses;
}

async function applySettings(session: Session, prior: Bag, planned: Bag): Promise<void> {
  const role = session.name(textOf(planned.name));
  // As upstream: whatever gave the role a membership, a change takes it away where `roles` does not name it.
  for (const group of (await readRole(session, textOf(planned.name)))?.roles as string[]) {
    await session.run(`REVOKE ${session.name(group)} FROM ${role}`);
  }
  for (const group of list(planned.roles)) await session.run(`GRANT ${session.name(group)} TO ${role}`);
  const assumed = planned.assumeRole;
  const paths = list(planned.searchPaths).map((path) => session.name(path));
  const timeout = (key: string): string => (isEmpty(planned[key]) ? "" : String(Math.trunc(Number(planned[key]))));
  const settings = {
    search_path: paths.join(", "),
    role: isEmpty(assumed) ? "" : session.name(textOf(assumed)),
    statement_timeout: timeout("statementTimeout"),
    idle_in_transaction_session_timeout: timeout("idleInTransactionSessionTimeout"),
  };
  for (const [setting, value] of Object.entries(settings)) {
    if (value !== "") await session.run(`ALTER ROLE ${role} SET ${setting} TO ${value}`);
    else if (!isEmpty(prior.name)) await session.run(`ALTER ROLE ${role} RESET ${setting}`);
  }
}

/** The state after a change: lists that nobody asked for stay unsaid until the first refresh, as upstream has it. */
async function reread(session: Session, planned: Bag): Promise<Bag> {
  const found = await readRole(session, textOf(planned.name));
  if (found === undefined) throw new Error(`role ${textOf(planned.name)}: gone right after the change`);
  const state: Bag = { ...planned, ...found };
  for (const key of ["roles", "searchPaths"])
    if (isEmpty(planned[key]) && isEmpty(found[key])) state[key] = planned[key] ?? null;
  return state;
}

async function readRole(session: Session, name: string): Promise<Bag | undefined> {
  const [row] = await session.run(
    `SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolconnlimit, rolreplication,
            rolbypassrls, COALESCE(rolvaliduntil::text, 'infinity') AS valid_until, COALESCE(rolconfig, '{}') AS config,
            ARRAY(SELECT pg_get_userbyid(roleid)::text FROM pg_auth_members WHERE member = pg_roles.oid) AS roles
       FROM pg_roles WHERE rolname = $1`,
    [name],
  );
  if (row === undefined) return undefined;
  const config = new Map((row.config as string[]).map((entry) => splitAt(entry, entry.indexOf("="))));
  return {
    assumeRole: identifiers(config.get("role") ?? "")[0] ?? "",
    bypassRowLevelSecurity: row.rolbypassrls as boolean,
    connectionLimit: row.rolconnlimit as number,
    createDatabase: row.rolcreatedb as boolean,
    createRole: row.rolcreaterole as boolean,
    encryptedPassword: true,
    idleInTransactionSessionTimeout: Number(config.get("idle_in_transaction_session_timeout") ?? 0),
    inherit: row.rolinherit as boolean,
    login: row.rolcanlogin as boolean,
    name: row.rolname as string,
    replication: row.rolreplication as boolean,
    roles: row.roles as string[],
    searchPaths: identifiers(config.get("search_path") ?? ""),
    statementTimeout: Number(config.get("statement_timeout") ?? 0),
    superuser: row.rolsuper as boolean,
    validUntil: row.valid_until as string,
  };
}

function splitAt(text: string, index: number): [string, string] {
  return [text.slice(0, index), text.slice(index + 1)];
}

/** The names in a list such as `"$user", public`, quotes taken off. */
export function identifiers(text: string): string[] {
  const found = [...text.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)];
  return found.map(([, quoted, bare]) => (quoted === undefined ? (bare ?? "") : quoted.replaceAll('""', '"')));
}

function list(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
