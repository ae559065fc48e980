import type { DatabaseStore, FolderStore } from "../../release/store-names";
import type { Store } from "../store";
import type * as json from "./json";
import type * as leveldb from "./leveldb";
import type * as postgresql from "./postgresql";

/** Which store, and where it is: in a folder, or in the database whose connection string a variable holds. */
export type Place =
  | { readonly store: FolderStore; readonly folder: string }
  | { readonly store: DatabaseStore; readonly variable: string };

// What a store needs is loaded when it is asked for.
const inFolder: Readonly<Record<FolderStore, (folder: string) => Store>> = {
  json: (folder) => (require("./json") as typeof json).openJsonStore(folder),
  leveldb: (folder) => (require("./leveldb") as typeof leveldb).openLevelStore(folder),
};
const inDatabase: Readonly<Record<DatabaseStore, (variable: string, environment: NodeJS.ProcessEnv) => Store>> = {
  postgresql: (variable, environment) =>
    (require("./postgresql") as typeof postgresql).openPostgresqlStore(variable, environment),
};

/**
 * The store at a place, which nothing is read of, nor made, before it is asked.
 * @param environment the variables of which a place may name one
 */
export function openStore(place: Place, environment: NodeJS.ProcessEnv = process.env): Store {
  if ("folder" in place) return inFolder[place.store](place.folder);
  return inDatabase[place.store](place.variable, environment);
}
