import type { Digest } from "./primitives";

/** Where a bundle lies in the bucket of bundles: under the digest of its bytes, so nothing there ever changes. */
export const bundleKey = (bundle: Digest): string => `bundles/${bundle.replace("sha256:", "")}.zip`;

/** The digest of a bundle as Lambda writes it: the same 32 bytes in base64. */
export const sourceCodeHash = (bundle: Digest): string =>
  Buffer.from(bundle.replace("sha256:", ""), "hex").toString("base64");
