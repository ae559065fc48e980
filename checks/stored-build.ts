import { createHash } from "node:crypto";
import { GetObjectCommand, paginateListObjectsV2 } from "@aws-sdk/client-s3";
import {
  fileKey,
  filesPrefix,
  largestManifest,
  manifestKey,
  readManifest,
  type Manifest,
} from "../release/frontend-build";
import type { Digest } from "../release/primitives";
import { readBeginning, readBody } from "./bounded";
import type { Clients } from "./clients";
import type { Measurement } from "./probe";
import { counted } from "../release/text";

/** Up to here every byte of a build is read again; of a larger one the documents and the files that come first. */
const readWhole = 16 * 1024 ** 2;

/**
 * The manifest of a pinned build, undefined when the store has none.
 * @throws Error when it is not the one that the digest names, or when the store does not answer
 */
export async function fetchManifest(
  clients: Pick<Clients, "objectStore">,
  Bucket: string,
  build: Digest,
  abortSignal: AbortSignal,
): Promise<Manifest | undefined> {
  try {
    const get = new GetObjectCommand({ Bucket, Key: manifestKey(build) });
    const { Body } = await clients.objectStore("own").send(get, { abortSignal });
    const bytes = await readBody(Body, largestManifest, `the manifest of ${build}`);
    return readManifest(bytes.toString("utf8"), build);
  } catch (error) {
    if (error instanceof Error && ["NoSuchKey", "NoSuchBucket"].includes(error.name)) return undefined;
    throw error;
  }
}

/** Whether the store holds a build whole: its manifest, every file with its size, and the bytes of what is read again. */
export async function measureBuild(
  clients: Pick<Clients, "objectStore">,
  bucket: string,
  name: string,
  build: Digest,
  signal: AbortSignal,
): Promise<Measurement> {
  const manifest = await fetchManifest(clients, bucket, build, signal);
  if (manifest === undefined) {
    const next = `publish it: rewind frontend publish <folder> --name ${name}`;
    return { result: "failed", evidence: `${bucket} has no build ${build}; ${next}` };
  }
  const client = clients.objectStore("own");
  const Prefix = filesPrefix(build);
  const sizes = new Map<string, number>();
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix })) {
    signal.throwIfAborted();
    for (const { Key = "", Size = -1 } of Contents) sizes.set(Key.slice(Prefix.length), Size);
  }
  for (const { path, bytes } of manifest) {
    const size = sizes.get(path);
    if (size === bytes) continue;
    const found = size === undefined ? "is missing" : `has ${size} bytes instead of ${bytes}`;
    return { result: "failed", evidence: `${path} of ${build} ${found}; publish the same folder again` };
  }
  const read = sampleOf(manifest);
  for (const { path, bytes: size, sha256 } of read) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: fileKey(build, path) }), {
      abortSignal: signal,
    });
    const { bytes, whole } = await readBeginning(Body, size);
    if (whole && createHash("sha256").update(bytes).digest("hex") === sha256) continue;
    return { result: "failed", evidence: `${path} of ${build} is not the file that was published` };
  }
  return {
    result: "passed",
    evidence: `${build}: ${counted(manifest.length, "file")}, ${read.length} of them read again`,
  };
}

/** Every file of a small build; of a large one as many as fit, documents first: they name all others. */
function sampleOf(manifest: Manifest): Manifest {
  const isDocument = (path: string): number => (path.endsWith(".html") ? 0 : 1);
  let budget = readWhole;
  return [...manifest]
    .sort((a, b) => isDocument(a.path) - isDocument(b.path))
    .filter(({ bytes }) => {
      if (bytes > budget) return false;
      budget -= bytes;
      return true;
    });
}
