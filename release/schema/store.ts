import { z } from "zod";
import { ProjectPath } from "../primitives";
import { databaseStores, folderStores, isDatabaseStore, storeNames, type DatabaseStore } from "../store-names";

const folder = ProjectPath.optional();

const variable = { error: "expected the name of an environment variable such as REWIND_STORE_URL" };
/** The message does not quote what came: somebody may have put the connection string itself here. */
export const UrlVariable = z.string(variable).regex(/^[A-Z_][A-Z0-9_]{0,126}$/, variable);

/** Where the deployment log and the other records are: in files of a folder, or in the store that is named. */
export const Records = z.union(
  [
    ProjectPath.describe("The folder, with all in JSON files"),
    z.discriminatedUnion("store", [
      z.strictObject({
        store: z.enum(folderStores),
        folder: folder.describe("The folder of what is kept, .rewind/records unless said"),
      }),
      z.strictObject({
        store: z.enum(databaseStores),
        url: UrlVariable.optional().describe(
          "The environment variable that holds the connection string, REWIND_STORE_URL unless said",
        ),
        folder: folder.describe(
          "The folder of what stays in files: reports, applied rows; .rewind/records unless said",
        ),
      }),
    ]),
  ],
  { error: `expected a folder, or a store such as {store: leveldb}; there are ${storeNames.join(", ")}` },
);
export type Records = z.infer<typeof Records>;

export const isInDatabase = (
  records: Records | undefined,
): records is Extract<Records, { readonly store: DatabaseStore }> =>
  typeof records === "object" && isDatabaseStore(records.store);

/** The folder of records, from the project's: whatever the store, there are files in it. */
export function recordsFolder(records: Records | undefined): string {
  return (typeof records === "string" ? records : records?.folder) ?? ".rewind/records";
}
