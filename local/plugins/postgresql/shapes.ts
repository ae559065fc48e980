import { blocks, blockSet, flag, isBag, list, number, set, text, type Bag, type Shape } from "../schema";

const off = { fallback: false } as const;

export const role: Shape = {
  fields: {
    assumeRole: text(),
    bypassRowLevelSecurity: flag(off),
    connectionLimit: number({ fallback: -1 }),
    createDatabase: flag(off),
    createRole: flag(off),
    encrypted: text(),
    encryptedPassword: flag({ fallback: true }),
    idleInTransactionSessionTimeout: number(),
    inherit: flag({ fallback: true }),
    login: flag(off),
    name: text({ autoname: {} }),
    password: text({ secret: true }),
    passwordWo: text({ secret: true }),
    passwordWoVersion: text(),
    replication: flag(off),
    roles: set(),
    searchPaths: list({ upstream: "search_path" }),
    skipDropRole: flag(off),
    skipReassignOwned: flag(off),
    statementTimeout: number(),
    superuser: flag(off),
    validUntil: text({ fallback: "infinity" }),
  },
};

export const database: Shape = {
  fields: {
    allowConnections: flag({ fallback: true }),
    alterObjectOwnership: flag(off),
    connectionLimit: number({ fallback: -1 }),
    encoding: text({ computed: true, immutable: true }),
    isTemplate: flag({ computed: true }),
    lcCollate: text({ computed: true, immutable: true }),
    lcCtype: text({ computed: true, immutable: true }),
    name: text({ autoname: {} }),
    owner: text({ computed: true }),
    tablespaceName: text({ computed: true }),
    template: text({ computed: true, immutable: true }),
  },
};

export const schema: Shape = {
  fields: {
    database: text({ computed: true, immutable: true }),
    dropCascade: flag(off),
    ifNotExists: flag({ fallback: true }),
    name: text({ autoname: {} }),
    owner: text({ computed: true }),
    policies: blockSet(
      { create: flag(off), createWithGrant: flag(off), role: text(), usage: flag(off), usageWithGrant: flag(off) },
      { computed: true, upstream: "policy" },
    ),
  },
};

const fixed = { required: true, immutable: true } as const;

export const grant: Shape = {
  bareInputs: true,
  deletesFirst: true,
  fields: {
    columns: set({ immutable: true }),
    database: text(fixed),
    objectType: text(fixed),
    objects: set({ immutable: true }),
    privileges: set({ required: true }),
    role: text(fixed),
    schema: text({ immutable: true }),
    withGrantOption: flag({ immutable: true, fallback: false }),
  },
};

export const defaultPrivileges: Shape = {
  bareInputs: true,
  fields: {
    database: text(fixed),
    objectType: text(fixed),
    owner: text(fixed),
    privileges: set({ required: true }),
    role: text(fixed),
    schema: text({ immutable: true }),
    withGrantOption: flag({ immutable: true, fallback: false }),
  },
};

export const extension: Shape = {
  bareInputs: true,
  fields: {
    createCascade: flag(off),
    database: text({ computed: true, immutable: true }),
    dropCascade: flag(off),
    name: text({ autoname: {}, immutable: true }),
    schema: text({ computed: true }),
    version: text({ computed: true }),
  },
};

export const grantRole: Shape = {
  bareInputs: true,
  fields: {
    grantRole: text(fixed),
    role: text(fixed),
    withAdminOption: flag({ immutable: true, fallback: false }),
  },
};

/** Upstream's preview of a new function leaves these parts of its arguments unsaid. */
function unsaidArguments(created: Bag): Bag {
  if (!Array.isArray(created.args)) return created;
  const args = created.args.map((argument) =>
    isBag(argument)
      ? {
          ...argument,
          default: argument.default || null,
          mode: argument.mode === "IN" ? null : (argument.mode ?? null),
        }
      : argument,
  );
  return { ...created, args };
}

export const sqlFunction: Shape = {
  bareInputs: true,
  previewed: unsaidArguments,
  fields: {
    args: blocks(
      { default: text(), mode: text(), name: text(), type: text({ required: true }) },
      { immutable: true, upstream: "arg" },
    ),
    body: text({ required: true }),
    database: text({ computed: true, immutable: true }),
    dropCascade: flag(off),
    language: text({ immutable: true, fallback: "plpgsql" }),
    name: text({ autoname: {}, immutable: true }),
    parallel: text({ fallback: "UNSAFE" }),
    returns: text({ immutable: true, computed: true }),
    schema: text({ computed: true, immutable: true }),
    securityDefiner: flag(off),
    strict: flag(off),
    volatility: text({ fallback: "VOLATILE" }),
  },
};
