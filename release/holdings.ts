import type { Settings } from "./parse";
import type { Environment } from "./schema/environment";

/** Something that holds customer data: where the environment declares it, and what it is called there. */
export interface Holding {
  /** `database`, `config/scoring_config`, `storage/documents`, `services/api/data`. */
  readonly path: string;
  readonly name: string;
}

/** Why something that holds data would be lost, and what lets it go. */
export interface Loss {
  readonly path: string;
  readonly name: string;
  /** What it would be called from now on; undefined when it is gone from the environment. */
  readonly renamed: string | undefined;
  /** Let go by the stack file, but the engine still protects it: it must stay for one more update. */
  readonly tooSoon: boolean;
}

/** Something held, as the deployment log keeps it. */
export interface KeptHolding extends Holding {
  /** The reason for which the update let it go: the engine does not protect it any more. */
  readonly letGo?: string;
}

/** Whether what a stack holds is protected. On a developer's machine it is not, unless the environment says so. */
export function isProtected({ kind, protect }: Pick<Environment, "kind" | "protect">): boolean {
  return protect ?? kind !== "local";
}

/** Everything in an environment that holds customer data: databases, schemas, tables, buckets, volumes. */
export function holdingsOf({ environment }: Pick<Settings, "environment">): Holding[] {
  const { name: stack, database, objectStore } = environment;
  const volumes = (["services", "functions"] as const).flatMap((facet) =>
    Object.entries(environment[facet] ?? {}).flatMap(([entry, { volumes }]) =>
      Object.keys(volumes ?? {}).map((volume) => ({
        path: `${facet}/${entry}/${volume}`,
        name: volumeName(stack, entry, volume),
      })),
    ),
  );
  const buckets = Object.entries(objectStore?.buckets ?? {}).map(([entry, name]) => ({
    path: `storage/${entry}`,
    name,
  }));
  if (database === undefined) return [...buckets, ...volumes];
  const schema = `${database.name}.${database.schema}`;
  const tables = Object.keys(database.tables).map((name) => ({ path: `config/${name}`, name: `${schema}.${name}` }));
  const schemas = Object.keys(database.schemas ?? {}).map((name) => ({
    path: `database/schemas/${name}`,
    name: `${database.name}.${name}`,
  }));
  return [
    { path: "database", name: database.name },
    { path: "database/schema", name: schema },
    ...schemas,
    ...tables,
    ...buckets,
    ...volumes,
  ];
}

/** What a volume of a service is called on its Docker engine. */
export function volumeName(environment: string, entry: string, volume: string): string {
  return `rewind-${environment}-${entry}-${volume}`;
}

/** The reason for which the stack file lets something go, undefined when it does not. What holds it lets it go, too. */
export function letGoOf({ letGo = {} }: Pick<Settings, "letGo">, path: string): string | undefined {
  const inside = path.startsWith("config/")
    ? ["database/schema", "database"]
    : path.startsWith("database/")
      ? ["database"]
      : [];
  const stated = [path, ...inside].find((each) => Object.hasOwn(letGo, each));
  return stated === undefined ? undefined : letGo[stated];
}

/** What an update leaves held, for the deployment log: nothing where nothing is protected. */
export function keptHoldings(settings: Pick<Settings, "environment" | "letGo">): KeptHolding[] {
  if (!isProtected(settings.environment)) return [];
  return holdingsOf(settings).map((held) => {
    const letGo = letGoOf(settings, held.path);
    return letGo === undefined ? held : { ...held, letGo };
  });
}

/**
 * What an update would lose of what the last one held. A statement of the stack file lets it go: something renamed at
 * once, something gone once an update has taken the engine's protection from it. Rows are never deleted, so a table
 * needs no such update.
 */
export function lossesOf(settings: Pick<Settings, "environment" | "letGo">, held: readonly KeptHolding[]): Loss[] {
  if (!isProtected(settings.environment)) return [];
  const now = new Map(holdingsOf(settings).map(({ path, name }) => [path, name]));
  return held.flatMap(({ path, name, letGo }): Loss[] => {
    const renamed = now.get(path);
    if (renamed === name) return [];
    const stated = letGoOf(settings, path) !== undefined;
    const unprotected = letGo !== undefined || path.startsWith("config/") || renamed !== undefined;
    return stated && unprotected ? [] : [{ path, name, renamed, tooSoon: stated }];
  });
}

/** A loss in words: what, why not, and the statement that lets it go. */
export function describeLoss({ path, name, renamed, tooSoon }: Loss): string {
  const would = renamed === undefined ? "is gone from the environment" : `would become ${renamed}`;
  const next = tooSoon
    ? "the engine still protects it: put it back for one more pulumi up with the statement, then take it out"
    : renamed === undefined
      ? `put it back; to let it go, state why in rewind:letGo {"${path}": "<reason>"}, pulumi up, and then take it out`
      : `put it back, or state why it may go in rewind:letGo {"${path}": "<reason>"}`;
  return `${path} holds data (${name}) and ${would}: ${next}`;
}
