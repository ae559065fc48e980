import { z } from "zod";
import { Digest } from "../primitives";

/** A frontend as a release pins it: an immutable build, by the digest of the manifest of its files. */
export const Frontend = z.strictObject({
  build: Digest.describe("The build by the digest of its manifest, as it lies in the object store"),
});
