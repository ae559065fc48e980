import { z } from "zod";
import { ProjectPath, quote, VariableName } from "../primitives";

const folder = ProjectPath.optional().describe("The folder of what is kept, .rewind/records unless said");

const stores = {
  json: z.strictObject({ store: z.literal("json"), folder }),
  leveldb: z.strictObject({ store: z.literal("leveldb"), folder }),
  postgresql: z.strictObject({
    store: z.literal("postgresql"),
    url: VariableName.optional().describe(
      "The environment variable that holds the connection string, REWIND_STORE_URL unless said",
    ),
    folder: folder.describe("The folder of what stays in files: reports, applied rows; .rewind/records unless said"),
  }),
};

/** The backends of the store of records. */
export type StoreName = keyof typeof stores;
export const storeNames = Object.keys(stores) as StoreName[];

const expected = `expected a folder, or a store: ${storeNames.join(", ")}`;

/** Where the deployment log and the other records are: in files of a folder, or in the store that is named. */
export const Records = z.union(
  [
    ProjectPath.describe("The folder, with all in JSON files"),
    z.discriminatedUnion("store", [stores.json, stores.leveldb, stores.postgresql], {
      error: ({ input }) => `${expected}, got ${quote((input as { store?: unknown }).store)}`,
    }),
  ],
  { error: `${expected}, such as {store: leveldb}` },
);
export type Records = z.infer<typeof Records>;

/** The folder of records, from the project's: whatever the store, there are files in it. */
export function recordsFolder(records: Records | undefined): string {
  return (typeof records === "string" ? records : records?.folder) ?? ".rewind/records";
}
