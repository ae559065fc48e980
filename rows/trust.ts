import { escapeIdentifier, escapeLiteral, type ClientBase, type Pool } from "pg";
import { qualified, type LocatedTable } from "./sql";

/**
 * Who may say what the session's role runs: itself, superusers and roles that can become it. Nobody gains by that what he
 * does not have.
 */
const trusted = `select oid from pg_catalog.pg_roles r
  where rolsuper or pg_catalog.pg_has_role(r.oid, (select oid from pg_catalog.pg_roles where rolname = current_user), 'member')`;

/** The other roles, but for PostgreSQL's own, which nobody is unless they are given to him. */
export const untrustedRoles = `select oid, rolname from pg_catalog.pg_roles where rolname !~ '^pg_' and oid not in (${trusted})`;

/** Whether a role is trusted, as SQL. */
export const isTrusted = (oid: string): string => `${oid} in (${trusted})`;

/** The owner of a database stands behind pg_database_owner, which owns the schema public. */
const standsFor = (owner: string): string =>
  `case when ${owner} = pg_catalog.to_regrole('pg_database_owner')
    then (select datdba from pg_catalog.pg_database where datname = current_database()) else ${owner} end`;

/** Schemas that are owned by a role that is not trusted, or in which one may create. */
export const openSchemas = `select n.oid, nspname, coalesce(
    (select string_agg(distinct coalesce(quote_ident(r.rolname), 'public'), ', ')
     from pg_catalog.aclexplode(nspacl) a left join pg_catalog.pg_roles r on r.oid = a.grantee
     where privilege_type = 'CREATE' and (a.grantee = 0 or ${standsFor("a.grantee")} not in (${trusted}))),
    quote_ident(pg_catalog.pg_get_userbyid(nspowner))) as creators
  from pg_catalog.pg_namespace n
  where nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and (${standsFor("nspowner")} not in (${trusted}) or exists (
    select from pg_catalog.aclexplode(nspacl) a
    where privilege_type = 'CREATE' and (a.grantee = 0 or ${standsFor("a.grantee")} not in (${trusted}))))`;

/** The setting that keeps the search path as the server and its operators have set it. */
export const givenPath = "rewind.given_path";

/**
 * Takes every schema out of the session's search path in which a role that is not trusted may create: a function or an
 * operator there could stand in the place of PostgreSQL's own. The schemas of extensions are put behind: without its schema
 * the equality of a type is not found, or, as with citext, that of another type is taken.
 */
export const safePath = `select pg_catalog.set_config('${givenPath}', current_setting('search_path'), false),
    pg_catalog.set_config('search_path', coalesce(string_agg(quote_ident(name), ', ' order by at), 'pg_catalog'), false)
  from (
    select name, min(at) as at from (
      select name::text, at from unnest(current_schemas(false)) with ordinality p(name, at)
      union all
      select nspname::text, 1000 from pg_catalog.pg_extension join pg_catalog.pg_namespace n on n.oid = extnamespace
      where nspname <> 'pg_catalog'
    ) each group by name
  ) path
  where name not in (select nspname from (${openSchemas}) o)`;

/**
 * No limit, which the planner cannot know: it guesses a tenth of the rows. Without it, it guesses 31 million of them for a
 * table with three columns, and fills `work_mem` with a table of hashes before it begins, which takes fifty times longer.
 */
const guessedFew = "limit (select null::bigint)";

/** What belongs to a relation, and all that it depends on: the code that reading and writing its rows may run. */
const codeOf = (relation: string): string => `
  relations(oid) as (
    select ${relation}
    union
    select other from relations join lateral (
      select inhrelid as other from pg_catalog.pg_inherits where inhparent = relations.oid
      union all select inhparent from pg_catalog.pg_inherits where inhrelid = relations.oid
      union all select conrelid from pg_catalog.pg_constraint
        where confrelid = relations.oid and contype = 'f' and (confupdtype in ('c', 'n', 'd') or confdeltype in ('c', 'n', 'd'))
      union all select refobjid from pg_catalog.pg_rewrite w join pg_catalog.pg_depend d
        on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_catalog.pg_class'::regclass
        join pg_catalog.pg_class c on c.oid = d.refobjid and c.relkind in ('r', 'p', 'v', 'm', 'f')
        where w.ev_class = relations.oid
      ${guessedFew}
    ) others on true
  ),
  code(class, oid) as (
    select part.class, part.oid from relations join lateral (
      select 'pg_catalog.pg_class'::regclass::oid as class, relations.oid
      union all select 'pg_catalog.pg_trigger'::regclass, t.oid from pg_catalog.pg_trigger t
        where tgrelid = relations.oid and tgenabled <> 'D'
      union all select 'pg_catalog.pg_rewrite'::regclass, w.oid from pg_catalog.pg_rewrite w where ev_class = relations.oid
      union all select 'pg_catalog.pg_constraint'::regclass, c.oid from pg_catalog.pg_constraint c where conrelid = relations.oid
      union all select 'pg_catalog.pg_attrdef'::regclass, a.oid from pg_catalog.pg_attrdef a where adrelid = relations.oid
      union all select 'pg_catalog.pg_class'::regclass, indexrelid from pg_catalog.pg_index where indrelid = relations.oid
      union all select 'pg_catalog.pg_policy'::regclass, p.oid from pg_catalog.pg_policy p
        where polrelid = relations.oid and row_security_active(relations.oid)
      union all select 'pg_catalog.pg_statistic_ext'::regclass, s.oid from pg_catalog.pg_statistic_ext s where stxrelid = relations.oid
      union all select 'pg_catalog.pg_type'::regclass, atttypid from pg_catalog.pg_attribute
        where attrelid = relations.oid and attnum > 0 and not attisdropped
      ${guessedFew}
    ) part on true
    union
    select next.class, next.oid from code join lateral (
      select refclassid as class, refobjid as oid from pg_catalog.pg_depend
        where classid = code.class and objid = code.oid and refclassid in (
          'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_type'::regclass,
          'pg_catalog.pg_opclass'::regclass, 'pg_catalog.pg_opfamily'::regclass)
      union all select 'pg_catalog.pg_constraint'::regclass, c.oid from pg_catalog.pg_constraint c
        where code.class = 'pg_catalog.pg_type'::regclass and contypid = code.oid
      union all select 'pg_catalog.pg_proc'::regclass, castfunc from pg_catalog.pg_cast
        join pg_catalog.pg_type target on target.oid = casttarget and typowner in (${trusted})
        where code.class = 'pg_catalog.pg_type'::regclass and castsource = code.oid and castfunc <> 0
      union all select 'pg_catalog.pg_type'::regclass, atttypid from pg_catalog.pg_type t join pg_catalog.pg_attribute
        on attrelid = typrelid where code.class = 'pg_catalog.pg_type'::regclass and t.oid = code.oid
          and typtype = 'c' and attnum > 0 and not attisdropped
      ${guessedFew}
    ) next on true
  )`;

/** The rows of a relation cannot be read or written without running what a role says that is not trusted. */
export class ForeignCode extends Error {
  override readonly name = "ForeignCode";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("; "));
  }
}

/**
 * The code that reading or writing the rows of a relation may run with the session's rights, as far as a role says what it
 * does that is not trusted; each with its remedy. Of a relation that is not there yet, its schema and what runs when it is
 * made.
 *
 * PostgreSQL records what triggers, rules, constraints, defaults, generated columns, indexes, policies and types depend on.
 * What the text of a function names is not recorded; so a function of a trusted role is looked at no further than to its
 * search path.
 */
export async function foreignCode(
  client: Pool | ClientBase,
  located: Pick<LocatedTable, "schema" | "name">,
): Promise<string[]> {
  const { rows } = await client.query<{ problem: string }>(
    `with recursive ${codeOf("pg_catalog.to_regclass($1)::oid")},
     procs as (
       select distinct p.oid, p.oid::regprocedure as name, proowner, proconfig, lanname,
         pg_catalog.to_jsonb(p) ->> 'prosqlbody' is not null as bound
       from code join pg_catalog.pg_proc p on p.oid = code.oid and code.class = 'pg_catalog.pg_proc'::regclass
       join pg_catalog.pg_language l on l.oid = prolang
     ),
     types as (
       select distinct t.oid, format_type(t.oid, null) as name, typowner, typnamespace
       from code join pg_catalog.pg_type t on t.oid = code.oid and code.class = 'pg_catalog.pg_type'::regclass
       where typcategory <> 'A'
     ),
     open as (${openSchemas}),
     owned(what, owner, kind, name) as (
       select format('the %s %s', kind, c.oid::regclass), relowner, kind, c.oid::regclass::text
       from relations join pg_catalog.pg_class c on c.oid = relations.oid cross join lateral (
         select case relkind when 'v' then 'view' when 'f' then 'foreign table' else 'table' end as kind) k
       union all
       select format('the schema %I', nspname), nspowner, 'schema', quote_ident(nspname)
       from pg_catalog.pg_namespace where nspname = $2
       union all
       select format('the function %s%s', name, (
           select format(', which the trigger %I on %s runs,', tgname, tgrelid::regclass) from code t
           join pg_catalog.pg_trigger on pg_trigger.oid = t.oid
           where t.class = 'pg_catalog.pg_trigger'::regclass and tgfoid = procs.oid limit 1)),
         proowner, 'function', name::text
       from procs
       union all
       select format('the function %s, which the event trigger %I runs,', p.oid::regprocedure, evtname),
         proowner, 'function', p.oid::regprocedure::text
       from pg_catalog.pg_event_trigger join pg_catalog.pg_proc p on p.oid = evtfoid
       where evtenabled <> 'D'
       union all
       select format('the type %s', name), typowner, 'type', name from types
       union all
       select format('the operator %s', o.oid::regoperator), oprowner, 'operator', o.oid::regoperator::text
       from code join pg_catalog.pg_operator o on o.oid = code.oid and code.class = 'pg_catalog.pg_operator'::regclass
     )
     select format('%s belongs to %I, whose code would run with the rights of %I; if that is to be trusted: alter %s %s owner to %I',
       what, pg_catalog.pg_get_userbyid(owner), current_user, kind, name, current_user) as problem
     from owned where ${standsFor("owner")} not in (${trusted})
     union
     select format('the function %s looks names up in the schema %I, in which %s may create; alter function %s set search_path = pg_catalog, pg_temp and name what it uses in full, or revoke create on schema %I from %s',
       name, nspname, creators, name, nspname, creators)
     from procs cross join lateral unnest(proconfig) setting
     join open on setting like 'search\\_path=%' and quote_ident(nspname) = any (
       string_to_array(replace(substr(setting, 13), ', ', ','), ','))
     where not bound and lanname not in ('internal', 'c')
     union
     select format('the type %s of an extension lies in the schema %I, in which %s may create operators for it; revoke create on schema %I from %s',
       types.name, nspname, creators, nspname, creators)
     from types join open on open.oid = typnamespace
     join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_type'::regclass and d.objid = types.oid and d.deptype = 'e'
     order by 1`,
    [qualified(located), located.schema],
  );
  return rows.map(({ problem }) => problem);
}

/** @throws ForeignCode when reading or writing the relation's rows could run what a role says that is not trusted */
export async function refuseForeignCode(
  client: Pool | ClientBase,
  located: Pick<LocatedTable, "schema" | "name">,
): Promise<void> {
  const problems = await foreignCode(client, located);
  if (problems.length > 0) throw new ForeignCode(problems);
}

/**
 * Functions and operators of roles that are not trusted in a schema of the search path, where they would be found in the
 * place of PostgreSQL's own or of a trusted role's.
 */
export async function shadowingCode(client: Pool | ClientBase, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ problem: string }>(
    `select format('the %s %s belongs to %I and would be found in the place of %s; alter %s %s owner to %I, or drop it', kind,
       name, pg_catalog.pg_get_userbyid(owner), place, kind, name, current_user) as problem
     from (
       select 'function' as kind, p.oid::regprocedure::text as name, proowner as owner, other.oid::regprocedure::text as place
       from pg_catalog.pg_proc p cross join lateral (
         select c.oid from pg_catalog.pg_proc c where c.proname = p.proname and c.oid <> p.oid and c.proowner in (${trusted})
           and c.pronamespace in ('pg_catalog'::regnamespace, p.pronamespace) order by c.pronargs <> p.pronargs, c.oid limit 1) other
       where pronamespace = pg_catalog.to_regnamespace($1)
       union all
       select 'operator', o.oid::regoperator::text, oprowner, other.oid::regoperator::text
       from pg_catalog.pg_operator o cross join lateral (
         select c.oid from pg_catalog.pg_operator c where c.oprname = o.oprname and c.oid <> o.oid and c.oprowner in (${trusted})
           and c.oprnamespace in ('pg_catalog'::regnamespace, o.oprnamespace) order by c.oid limit 1) other
       where oprnamespace = pg_catalog.to_regnamespace($1)
     ) shadows where owner not in (${trusted}) order by 1`,
    [escapeIdentifier(schema)],
  );
  return rows.map(({ problem }) => problem);
}

/**
 * What runs at the end of a transaction, with the session's rights, although a role that is not trusted says what
 * it does: deferrable triggers, and deferrable exclusion constraints, whose expressions are evaluated again.
 */
export async function deferredForeignCode(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ problem: string }>(
    `select format('the %s %I on %s is deferrable, so it would run with the rights of %I; make it not deferrable', kind, name,
       relation::regclass, current_user) as problem
     from (
       select 'trigger' as kind, tgname as name, tgrelid as relation, proowner as owner
       from pg_catalog.pg_trigger join pg_catalog.pg_proc p on p.oid = tgfoid where tgdeferrable and not tgisinternal
       union all
       select 'constraint', conname, conrelid, null from pg_catalog.pg_constraint where condeferrable and contype = 'x'
     ) deferred join pg_catalog.pg_class c on c.oid = relation
     where relowner not in (${trusted}) or owner not in (${trusted}) order by 1`,
  );
  return rows.map(({ problem }) => problem);
}

/**
 * Makes sure that reading a table runs nothing of a role that is not trusted, and that it stays that table until the
 * transaction ends. Unlike writing, reading a plain table runs neither triggers nor checks, no matter who owns it.
 * @throws ForeignCode
 */
export async function refuseForeignReading(
  client: ClientBase,
  located: Pick<LocatedTable, "schema" | "name">,
): Promise<void> {
  const { rows: there } = await client.query<{ kind: string | null }>(
    "select relkind as kind from pg_catalog.pg_class where oid = pg_catalog.to_regclass($1)",
    [qualified(located)],
  );
  if (there.length === 0) return;
  await client.query(`lock table ${qualified(located)} in access share mode`);
  const { rows } = await client.query<{ problem: string }>(
    `select format('%s is no table, and it belongs to %I, whose code would run with the rights of %I', c.oid::regclass,
       pg_catalog.pg_get_userbyid(relowner), current_user) as problem
     from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass($1) and relkind not in ('r', 'p') and relowner not in (${trusted})
     union all
     select format('policies of %I would run with the rights of %I when %s is read; give %I BYPASSRLS',
       pg_catalog.pg_get_userbyid(relowner), current_user, c.oid::regclass, current_user)
     from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass($1) and row_security_active(c.oid) and relowner not in (${trusted})
     union all
     select format('the function %s, by which values of %s are read, belongs to %I, whose code would run with the rights of %I',
       p.oid::regprocedure, format_type(castsource, null), pg_catalog.pg_get_userbyid(proowner), current_user)
     from pg_catalog.pg_attribute join pg_catalog.pg_cast on castsource = atttypid join pg_catalog.pg_proc p on p.oid = castfunc
     where attrelid = pg_catalog.to_regclass($1) and attnum > 0 and not attisdropped and proowner not in (${trusted})`,
    [qualified(located)],
  );
  if (rows.length > 0) throw new ForeignCode(rows.map(({ problem }) => problem));
}

/** The statement that puts the search path back as it was given, for a query that runs with nobody's rights. */
export const asGiven = `select set_config('search_path', coalesce(nullif(current_setting(${escapeLiteral(givenPath)}, true), ''), current_setting('search_path')), true)`;
