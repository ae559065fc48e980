import { foreignGroupsOf, rolesOf } from "../release/rules/database-objects";
import type { Database } from "../release/schema/database";
import type { Clients } from "./clients";
import type { Measurement, Probe } from "./probe";

/**
 * Whether the groups are there that the stack does not declare and its roles are to be in, and which memberships an
 * update may take away: with each change of a role, a new password say, the vendor's plugin revokes every membership that
 * the role does not name (`revokeRoles` in terraform-provider-postgresql).
 */
export function membershipProbe(clients: Clients, database: Database): Probe {
  return {
    name: "memberships",
    factual: true,
    ask: () =>
      measureMemberships(clients, database).catch((error: unknown) => {
        if ((error as { code?: string }).code !== "3D000") throw error;
        return { result: "passed", evidence: "the database is yet to be made" } as const;
      }),
  };
}

/** Each group with the strongest reason, if any, for which nothing that a stack declares would hold for its members. */
const powersOf = `
  with recursive reached as (
    select rolname as name, oid from pg_roles where rolname = any($1)
    union
    select reached.name, roleid from reached join pg_auth_members on member = reached.oid
  )
  select name, bool_or(rolsuper or rolbypassrls or rolcreaterole or rolreplication or rolname ~ '^pg_') as powerful
    from reached join pg_roles using (oid) group by name`;

async function measureMemberships(clients: Clients, database: Database): Promise<Measurement> {
  const foreign = foreignGroupsOf(database);
  const { rows: groups } = await clients.database().query<{ name: string; powerful: boolean }>(powersOf, [foreign]);
  const missing = foreign.filter((group) => !groups.some(({ name }) => name === group));
  if (missing.length > 0) {
    const evidence = `memberOf names ${missing.join(", ")}, which neither the stack nor the server has`;
    return { result: "failed", evidence };
  }
  const powerful = groups.filter((group) => group.powerful).map(({ name }) => name);
  if (powerful.length > 0) {
    const evidence = `memberOf names ${powerful.join(", ")}, with rights over the whole server; grant what is needed instead`;
    return { result: "failed", evidence };
  }
  const { rows } = await clients.database().query<{ role: string; group: string }>(
    `select distinct pg_get_userbyid(member)::text as role, pg_get_userbyid(roleid)::text as "group"
       from pg_auth_members where pg_get_userbyid(member) = any($1) order by 1, 2`,
    [rolesOf(database)],
  );
  const lost = rows.filter(({ role, group }) => !named(database, role).includes(group));
  if (lost.length === 0) return { result: "passed", evidence: `${rows.length}, all named in the stack file` };
  const each = lost.map(({ role, group }) => `${role} is in ${group}`).join(", ");
  const remedy = "the next change of the role takes that away; memberOf of the role keeps it";
  return { result: "passed", warning: true, evidence: `${each}, which the stack file does not say: ${remedy}` };
}

const named = ({ role, roles = {} }: Database, name: string): readonly string[] =>
  (name === role.user ? role.memberOf : new Map(Object.entries(roles)).get(name)?.memberOf) ?? [];
