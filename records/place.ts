import { join, resolve } from "node:path";
import { isInDatabase, recordsFolder, UrlVariable, type Records } from "../release/schema/store";
import { isDatabaseStore, isFolderStore, storeNames } from "../release/store-names";
import { BadStore } from "./store";
import type { Place } from "./stores";

/** The environment variable that names another store than the stack file. */
export const storeVariable = "REWIND_STORE";
const defaultUrl = "REWIND_STORE_URL";

/**
 * Where the records of a stack are: what REWIND_STORE says, or else its stack file.
 * @param project the project's folder, from which folders go
 * @throws BadStore
 */
export function placeOf(
  records: Records | undefined,
  project: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Place {
  const named = environment[storeVariable];
  return named === undefined || named === "" ? placeIn(records, project) : namedPlace(named, records, project);
}

/** The same, whatever REWIND_STORE says. */
export function placeIn(records: Records | undefined, project: string): Place {
  if (isInDatabase(records)) return { store: records.store, variable: records.url ?? defaultUrl };
  const store = typeof records === "object" ? records.store : "json";
  return { store, folder: join(project, recordsFolder(records)) };
}

/** `json`, `leveldb:some/folder`, `postgresql:VARIABLE`. */
function namedPlace(text: string, records: Records | undefined, project: string): Place {
  const [, store, at] = /^([a-z]+)(?::(.+))?$/s.exec(text) ?? [];
  if (isFolderStore(store)) {
    return { store, folder: at === undefined ? join(project, recordsFolder(records)) : resolve(project, at) };
  }
  if (!isDatabaseStore(store)) throw new BadStore(`${storeVariable}: expected one of ${storeNames.join(", ")}`);
  const inFile = isInDatabase(records) ? records.url : undefined;
  const variable = UrlVariable.safeParse(at ?? inFile ?? defaultUrl);
  if (variable.success) return { store, variable: variable.data };
  throw new BadStore(
    `${storeVariable}: expected ${store}, or ${store}:<the name of the variable that holds the connection string>`,
  );
}
