import type { Store } from "../store";
import type * as json from "./json";
import type * as leveldb from "./leveldb";
import type * as postgresql from "./postgresql";

/** Where a store of each kind is. */
export interface Places {
  /** In files of a folder. */
  readonly json: { readonly folder: string };
  /** In the folder `leveldb` of a folder. */
  readonly leveldb: { readonly folder: string };
  /** In the database whose connection string an environment variable holds. */
  readonly postgresql: { readonly variable: string };
}
export type Backend = keyof Places;

/** Which store, and where it is. */
export type Place = { readonly [B in Backend]: { readonly store: B } & Places[B] }[Backend];

/** How a store of each kind is opened. What it needs is loaded when it is asked for. */
const open: { readonly [B in Backend]: (place: Places[B], environment: NodeJS.ProcessEnv) => Store } = {
  json: ({ folder }) => (require("./json") as typeof json).openJsonStore(folder),
  postgresql: ({ variable }, environment) =>
    (require("./postgresql") as typeof postgresql).openPostgresqlStore(variable, environment),
  leveldb: ({ folder }) => (require("./leveldb") as typeof leveldb).openLevelStore(folder),
};

/**
 * The store at a place, which nothing is read of, nor made, before it is asked.
 * @param environment the variables of which a place may name one
 */
export function openStore<B extends Backend>(
  place: { readonly store: B } & Places[B],
  environment: NodeJS.ProcessEnv = process.env,
): Store {
  return open[place.store](place, environment);
}
