import { z } from "zod";
import { count, digest, type Printed } from "./shapes";

/** `rewind frontend publish` */
export const publish = z.strictObject({
  name: z.string(),
  bucket: z.string(),
  build: digest,
  files: count,
  bytes: count,
  sent: count.describe("How many files; none when the build was there already"),
});
export type FrontendPublishJson = Printed<typeof publish>;
