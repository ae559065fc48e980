import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { digestOf } from "../release/canonical";
import { isProtected } from "../release/holdings";
import type { Loaded } from "../release/config";
import { kept } from "./protection";
import { has } from "../release/rules/rule";
import { bodyProblem } from "../release/rules/database-objects";
import type { Database } from "../release/schema/database";
import type { Role, SqlFunction } from "../release/schema/database-objects";
import type { Access } from "../checks/administrator";
import { readProjectText } from "../checks/project-text";
import { FunctionSecurity } from "./function-security";

/** What the objects stand on, declared by the database's own component. */
export interface Foundation {
  readonly component: pulumi.Resource;
  readonly database: postgresql.Database;
  readonly schema: postgresql.Schema;
  readonly roles: ReadonlyMap<string, postgresql.Role>;
}

/** The connection of the environment's administrator. */
export function connectionOf(database: Database): Access["connection"] {
  return {
    host: database.host,
    port: database.port,
    sslmode: database.sslmode ?? "disable",
    user: database.administrator.user,
    database: database.name,
  };
}

/**
 * The application's own role and those beside it, each after the groups that it is in. They come before the database, so
 * that a stack that is destroyed has lost everything that they own before they go themselves.
 *
 * A membership is an input of the member, never a `GrantRole`: with every change of a role, a new password say, the
 * vendor's plugin takes away all of its memberships and gives back those that the role itself names.
 *
 * @returns the roles by their names, groups first
 */
export function declareRoles(
  { settings, secrets }: Loaded,
  parent: pulumi.CustomResourceOptions,
): ReadonlyMap<string, postgresql.Role> {
  const { database } = settings.environment;
  const declared = new Map<string, postgresql.Role>();
  if (database === undefined) return declared;
  const passwordOf = (key: string | undefined) =>
    key === undefined ? {} : { password: pulumi.secret(secrets[key] ?? "") };
  const { user, ...own } = database.role;
  const definitions: Readonly<Record<string, Role>> = {
    ...database.roles,
    [user]: { login: true, connectionLimit: 50, ...own },
  };
  const declare = (name: string): void => {
    const definition = has(definitions, name) ? definitions[name] : undefined;
    // A role that the environment does not declare is the business of others, and is there already.
    if (definition === undefined || declared.has(name)) return;
    const { login, password, connectionLimit, memberOf = [] } = definition;
    memberOf.forEach(declare);
    const roles = [...new Set(memberOf)].map((group) => declared.get(group)?.name ?? group);
    const role = new postgresql.Role(
      name === user ? "role" : `role-${name}`,
      {
        name,
        login: login === true,
        superuser: false,
        createRole: false,
        createDatabase: false,
        replication: false,
        bypassRowLevelSecurity: false,
        ...(roles.length === 0 ? {} : { roles }),
        ...(connectionLimit === undefined ? {} : { connectionLimit }),
        ...passwordOf(password),
      },
      parent,
    );
    declared.set(name, role);
  };
  Object.keys(definitions).forEach(declare);
  return declared;
}

/** Schemas, extensions and functions: what migrations may build on. */
export function declareObjects({ settings, secrets }: Loaded, foundation: Foundation): pulumi.CustomResource[] {
  const { database } = settings.environment;
  if (database === undefined) return [];
  const { component, database: base, schema } = foundation;
  const parent = { parent: component };
  const secret = (key: string) => pulumi.secret(secrets[key] ?? "");
  const { roles } = foundation;
  const nameOf = (role: string): pulumi.Input<string> => roles.get(role)?.name ?? role;
  const schemas = new Map<string, pulumi.Input<string>>([[database.schema, schema.name]]);
  const declared = Object.entries(database.schemas ?? {}).map(([name, { owner }]) => {
    const made = new postgresql.Schema(
      `schema-${name}`,
      {
        name,
        database: base.name,
        dropCascade: !isProtected(settings.environment),
        ...(owner === undefined ? {} : { owner: nameOf(owner) }),
      },
      { ...parent, ...kept(settings, `database/schemas/${name}`) },
    );
    schemas.set(name, made.name);
    return made;
  });
  const schemaOf = (name: string): pulumi.Input<string> => schemas.get(name) ?? name;
  const extensions = Object.entries(database.extensions ?? {}).map(
    ([name, { schema: where, version }]) =>
      new postgresql.Extension(
        `extension-${name}`,
        {
          name,
          database: base.name,
          ...(where === undefined ? {} : { schema: schemaOf(where) }),
          ...(version === undefined ? {} : { version }),
        },
        parent,
      ),
  );
  const dependsOn = [schema, ...declared, ...extensions];
  const functions = Object.entries(database.functions ?? {}).flatMap(([key, definition]) =>
    declareFunction(
      key,
      definition,
      database,
      {
        base,
        schemaOf,
        password: secret(database.administrator.password),
        local: settings.environment.kind === "local",
      },
      {
        ...parent,
        dependsOn,
      },
    ),
  );
  return [...declared, ...extensions, ...functions];
}

interface Place {
  readonly local: boolean;
  readonly base: postgresql.Database;
  readonly schemaOf: (name: string) => pulumi.Input<string>;
  readonly password: pulumi.Input<string>;
}

/**
 * A function, and where it runs with its owner's rights a second resource that gives it those together with its fixed
 * search path. The vendor's resource has no word for the path, and a function that had the rights without it, for however
 * short a time, could be made to call what its caller put in the way.
 */
function declareFunction(
  key: string,
  definition: SqlFunction,
  database: Database,
  { base, schemaOf, password, local }: Place,
  opts: pulumi.CustomResourceOptions,
): pulumi.CustomResource[] {
  const { name = key, schema: where = "public", args = [], searchPath } = definition;
  const body = bodyOf(key, definition);
  const made = new postgresql.Function(
    `function-${key}`,
    {
      name,
      database: base.name,
      schema: schemaOf(where),
      args: args.map((argument) => ({ ...argument, mode: "IN" })),
      returns: definition.returns,
      language: definition.language,
      volatility: (definition.volatility ?? "volatile").toUpperCase(),
      strict: definition.strict === true,
      securityDefiner: false,
      // Policies ask it. Only on a developer's machine may a destroy take them along.
      dropCascade: local,
      body,
    },
    { ...opts, ...(searchPath === undefined ? {} : { ignoreChanges: ["securityDefiner"] }) },
  );
  if (searchPath === undefined) return [made];
  const security = new FunctionSecurity(
    `function-${key}`,
    {
      connection: connectionOf(database),
      password,
      schema: where,
      name,
      types: args.map(({ type }) => type),
      securityDefiner: definition.securityDefiner === true,
      searchPath,
      digest: digestOf({ ...definition, body }),
    },
    { ...(opts.parent === undefined ? {} : { parent: opts.parent }), dependsOn: [made] },
  );
  return [made, security];
}

/** @throws pulumi.RunError when the file cannot be read or holds what no function can */
function bodyOf(key: string, { body }: SqlFunction): string {
  if (typeof body === "string") return body;
  const at = `environment.database.functions.${key}.body`;
  try {
    const text = readProjectText(process.cwd(), body.file);
    const wrong = bodyProblem(text);
    if (wrong !== undefined) throw new Error(`${body.file}: ${wrong}`);
    return text;
  } catch (error) {
    throw new pulumi.RunError(`${at}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
