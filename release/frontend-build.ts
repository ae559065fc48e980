import { z } from "zod";
import { digestOf } from "./canonical";
import type { Digest } from "./primitives";

/**
 * A file's path inside a build. What a proxy or a store could read as something else (percent signs, blanks, `..`,
 * backslashes) is left out, so that a path is the same text in a manifest, in a URL and as an object's key.
 */
export const BuildPath = z
  .string()
  .max(512)
  .regex(/^(?!(?:.*\/)?\.{1,2}(?:\/|$))[A-Za-z0-9._~@+=,()-]+(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~@+=,()-]+)*$/, {
    error: "expected a path inside the build such as assets/app-3F2A.js (letters, digits and ._~@+=,()- only)",
  });

/** One file of a build. */
export const BuildFile = z.strictObject({
  path: BuildPath,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(0),
  contentType: z.string().regex(/^[\x20-\x7e]{3,100}$/),
});
export type BuildFile = z.infer<typeof BuildFile>;

/** Every file of a build, in the order of their paths. The digest of its canonical JSON is the build's name. */
export const Manifest = z
  .array(BuildFile)
  .min(1)
  .refine((files) => files.every(({ path }, index) => index === 0 || path > (files[index - 1]?.path ?? "")), {
    error: "expected every path once, in order",
  });
export type Manifest = z.infer<typeof Manifest>;

/** No manifest is larger, in bytes: it would name a hundred thousand files. */
export const largestManifest = 8 * 1024 ** 2;

/** Files in the order that a manifest keeps: by the code units of their paths, whatever the machine's language. */
export function manifestOf(files: readonly BuildFile[]): Manifest {
  return [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * The manifest that a store holds for a build.
 * @throws Error when it is not the one that the digest names
 */
export function readManifest(text: string, build: Digest): Manifest {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw new Error(`the manifest of ${build} is not JSON`);
  }
  const read = Manifest.safeParse(raw);
  if (!read.success) throw new Error(`the manifest of ${build}: ${read.error.issues[0]?.message ?? "malformed"}`);
  const actual = digestOf(read.data);
  if (actual !== build) throw new Error(`the manifest of ${build} has ${actual}: it is not the one that was pinned`);
  return read.data;
}

const hexOf = (build: Digest): string => build.slice("sha256:".length);

/** Where a build lies in its bucket. The manifest is written last: a build without one is not there. */
export const buildFolder = (build: Digest): string => `builds/${hexOf(build)}`;
export const manifestKey = (build: Digest): string => `${buildFolder(build)}/manifest.json`;
export const filesPrefix = (build: Digest): string => `${buildFolder(build)}/files/`;
export const fileKey = (build: Digest, path: string): string => `${filesPrefix(build)}${path}`;

/**
 * How long a file may be kept by whoever fetched it: for ever where its name holds a hash of what is in it, and never
 * without asking again where the same name stands for other content in the next build. In doubt, the latter: it is
 * slower and never stale.
 */
export function cacheControlOf(path: string): string {
  const [, hash = ""] = /[.-]([A-Za-z0-9_]{8,})(?:\.[A-Za-z0-9]+){1,2}$/.exec(path) ?? [];
  const isHash = /^[A-Z2-7]+$/.test(hash) || (/[0-9]/.test(hash) && /[A-Za-z]/.test(hash));
  return isHash && !/\.html?$/i.test(path) ? "public, max-age=31536000, immutable" : "no-cache";
}
