import { quote } from "../primitives";
import type { Problem } from "../problems";
import type { Database } from "../schema/database";
import { listed, problem, type Rule } from "./rule";

const base = ["environment", "database"] as const;

/** The roles that an environment declares: the application's own and those beside it. */
export const rolesOf = ({ role, roles = {} }: Pick<Database, "role" | "roles">): string[] => [
  role.user,
  ...Object.keys(roles),
];

const schemasOf = ({ schema, schemas = {} }: Database): string[] => [
  ...new Set([schema, "public", ...Object.keys(schemas)]),
];

/** A role with the place where it says what it is a member of. */
interface Member {
  readonly name: string;
  readonly at: readonly PropertyKey[];
  readonly memberOf: readonly string[];
}

const membersOf = ({ role, roles = {} }: Database): readonly Member[] => [
  { name: role.user, at: [...base, "role", "memberOf"], memberOf: role.memberOf ?? [] },
  ...Object.entries(roles).map(([name, { memberOf = [] }]) => ({
    name,
    at: [...base, "roles", name, "memberOf"],
    memberOf,
  })),
];

/**
 * The groups that the environment's roles are members of although it does not declare them: others made them, an
 * administrator or the platform (`rds_iam`). Whether they are there only the server knows.
 */
export const foreignGroupsOf = (database: Database): string[] => {
  const declared = new Set(rolesOf(database));
  return [...new Set(membersOf(database).flatMap(({ memberOf }) => memberOf))].filter((group) => !declared.has(group));
};

export const rolesAreOrdinary: Rule = ({ environment: { database } }) => {
  if (database === undefined) return [];
  const { administrator, role } = database;
  const taken = (name: string): string | undefined => {
    if (name === administrator.user) return `${name} is the administrator; it would be changed under Rewind's feet`;
    if (name === "postgres" || name === "public" || name === "none" || name.startsWith("pg_")) {
      return `${name} is a name that PostgreSQL keeps for itself`;
    }
    return name === role.user ? `${name} is the application's own role, declared as role` : undefined;
  };
  const members = membersOf(database);
  return [
    ...Object.entries(database.roles ?? {}).flatMap(([name, { login, password }]) => {
      const at = [...base, "roles", name];
      const reserved = taken(name);
      return [
        ...(reserved === undefined ? [] : [problem(at, reserved)]),
        ...(password !== undefined && login !== true
          ? [problem([...at, "password"], "a password without login: true, so nobody could use it")]
          : []),
      ];
    }),
    ...members.flatMap(({ name, at, memberOf }) =>
      memberOf.flatMap((group, index) => {
        // PostgreSQL's own roles can read files, run programs or see all data. What a role of others can, the gate asks.
        if (group === administrator.user || group === "postgres" || group.startsWith("pg_")) {
          return [problem([...at, index], `${group} has rights over the whole server; grant what is needed instead`)];
        }
        if (group === "public") return [problem([...at, index], "every role is in public already")];
        return group === name ? [problem([...at, index], "a role is no member of itself")] : [];
      }),
    ),
    ...members.flatMap((member) => circle(members, member)),
  ];
};

/** A circle of memberships is refused by PostgreSQL half-way through the update. */
function circle(members: readonly Member[], { name, at, memberOf }: Member): Problem[] {
  const groups = new Map(members.map((member) => [member.name, member.memberOf]));
  const seen = new Set<string>();
  const waiting = memberOf.filter((group) => group !== name);
  while (waiting.length > 0) {
    const next = waiting.pop() ?? "";
    if (next === name) return [problem(at, `${name} is a member of itself through others`)];
    if (seen.has(next)) continue;
    seen.add(next);
    waiting.push(...(groups.get(next) ?? []));
  }
  return [];
}

export const databaseObjectsResolve: Rule = ({ environment: { database } }) => {
  if (database === undefined) return [];
  const roles = rolesOf(database);
  const schemas = schemasOf(database);
  const role = (at: readonly PropertyKey[], name: string): Problem[] =>
    roles.includes(name) ? [] : [problem([...base, ...at], `no role ${quote(name)}; there are ${listed(roles)}`)];
  const schema = (at: readonly PropertyKey[], name: string | undefined): Problem[] =>
    name === undefined || schemas.includes(name)
      ? []
      : [problem([...base, ...at], `no schema ${quote(name)}; there are ${listed(schemas)}`)];
  const names = new Map<string, string>();
  return [
    ...Object.entries(database.schemas ?? {}).flatMap(([name, { owner }]) => [
      ...(name === database.schema || name === "public" || name === "information_schema" || name.startsWith("pg_")
        ? [problem([...base, "schemas", name], `${name} is there already, or PostgreSQL's own`)]
        : []),
      ...(owner === undefined || owner === database.administrator.user ? [] : role(["schemas", name, "owner"], owner)),
    ]),
    ...Object.entries(database.extensions ?? {}).flatMap(([name, extension]) =>
      schema(["extensions", name, "schema"], extension.schema),
    ),
    ...Object.entries(database.functions ?? {}).flatMap(
      ([key, { name = key, schema: where = "public", args = [], searchPath = [] }]) => {
        const signature = `${where}.${name}(${args.map(({ type }) => type).join(",")})`;
        const twin = names.get(signature);
        names.set(signature, key);
        return [
          ...(/^[a-z_][a-z0-9_]*$/.test(name)
            ? []
            : [problem([...base, "functions", key], "expected a name for SQL: give it one with name")]),
          ...(twin === undefined ? [] : [problem([...base, "functions", key], `${signature} is ${twin} already`)]),
          ...schema(["functions", key, "schema"], where),
          ...searchPath.flatMap((path, index) =>
            path === "pg_catalog" ? [] : schema(["functions", key, "searchPath", index], path),
          ),
        ];
      },
    ),
    ...Object.entries(database.grants ?? {}).flatMap(([name, grant]) => [
      ...(grant.role === "public" ? [] : role(["grants", name, "role"], grant.role)),
      ...(grant.objectType === "database" ? [] : schema(["grants", name, "schema"], grant.schema)),
    ]),
  ];
};

export const everybodyIsGrantedNothing: Rule = ({ environment: { kind, database } }) =>
  Object.entries(database?.grants ?? {}).flatMap(([name, { role, toEverybody }]) => {
    const at = [...base, "grants", name];
    if (role !== "public") {
      return toEverybody === undefined ? [] : [problem([...at, "toEverybody"], `${role} is not everybody`)];
    }
    return kind === "production" && toEverybody === undefined
      ? [problem([...at, "role"], "public is everybody who can connect; production wants the reason, as toEverybody")]
      : [];
  });

export const functionsAreSafe: Rule = ({ environment: { database } }) =>
  Object.entries(database?.functions ?? {}).flatMap(([key, { securityDefiner, searchPath, body }]) => {
    const at = [...base, "functions", key];
    const path =
      securityDefiner === true && searchPath === undefined
        ? [
            problem(
              [...at, "searchPath"],
              "expected a fixed search path: a securityDefiner function must not look names up where its caller says",
            ),
          ]
        : [];
    // The vendor's plugin quotes a body with a tag of its own, and takes what stands between dollars for all of it.
    const quoted = typeof body === "string" ? bodyProblem(body) : undefined;
    return quoted === undefined ? path : [...path, problem([...at, "body"], quoted)];
  });

/** Why a text cannot be the body of a function, or undefined. */
export function bodyProblem(body: string): string | undefined {
  if (body.includes("\0")) return "a zero byte is not for PostgreSQL";
  return /\$[A-Za-z_]*\$/.test(body) ? "a dollar quote inside the body; quote with apostrophes" : undefined;
}
