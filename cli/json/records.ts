import { z } from "zod";
import { storeNames } from "../../release/store-names";
import { count, digest, type Printed } from "./shapes";

const store = z.strictObject({
  store: z.enum(storeNames),
  location: z.string().describe("Where it is, without secrets"),
});
const inventory = {
  journals: z.array(
    z.strictObject({
      name: z.string(),
      bytes: count,
      lines: count,
      digest: digest.describe("Of its bytes"),
    }),
  ),
  collections: z.array(
    z.strictObject({
      name: z.string(),
      records: count,
      digest: digest.describe("Of its keys and the canonical JSON of its records, a line for each"),
    }),
  ),
};

/** `rewind records show` */
export const show = z.strictObject({
  stack: z.string(),
  ...store.shape,
  chosenBy: z.enum(["stack file", "REWIND_STORE", "default"]),
  ...inventory,
});
export type RecordsShowJson = Printed<typeof show>;

/** `rewind records convert` */
export const convert = z.strictObject({
  stack: z.string(),
  from: store.describe("Kept as it was"),
  to: store,
  ...inventory,
  switched: z.array(z.string()).describe("The stack files that name the new store now"),
});
export type RecordsConvertJson = Printed<typeof convert>;
