import { GetObjectCommand, paginateListObjectsV2, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { readBody } from "../checks/bounded";
import { canonicalJson, digestOf } from "../release/canonical";
import {
  cacheControlOf,
  fileKey,
  filesPrefix,
  largestManifest,
  manifestKey,
  readManifest,
  type BuildFile,
} from "../release/frontend-build";
import type { Digest } from "../release/primitives";
import { readFolder } from "./folder";
export { UnfitFolder } from "./folder";

/** What became of a folder. */
export interface Published {
  /** What a release pins. */
  readonly build: Digest;
  readonly files: number;
  readonly bytes: number;
  /** How many files were sent; none when the build was there already. */
  readonly sent: number;
}

const atOnce = 8;

/**
 * Puts the files of a folder under the digest of their manifest. What lies there is never changed: the manifest comes
 * last and only where there is none, and a build that is there whole is left alone.
 *
 * @throws UnfitFolder when the folder cannot be a build; whatever the store says
 */
export async function publish(
  store: S3Client,
  bucket: string,
  folder: string,
  signal?: AbortSignal,
): Promise<Published> {
  const { manifest, read } = await readFolder(folder);
  const build = digestOf(manifest);
  const within = signal === undefined ? {} : { abortSignal: signal };
  const there = await sizesOf(store, bucket, build);
  const complete = await holdsManifest(store, bucket, build);
  // Without its manifest a build may be half of one, whose files nobody has vouched for.
  const missing = manifest.filter(({ path, bytes }) => !complete || there.get(path) !== bytes);
  const send = async (file: BuildFile): Promise<void> => {
    const put = {
      Bucket: bucket,
      Key: fileKey(build, file.path),
      Body: await read(file),
      ContentType: file.contentType,
      CacheControl: cacheControlOf(file.path),
    };
    await store.send(new PutObjectCommand(put), within);
  };
  const queue = [...missing];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) await send(file);
    }),
  );
  if (!complete) await putManifest(store, bucket, build, canonicalJson(manifest));
  const bytes = manifest.reduce((sum, file) => sum + file.bytes, 0);
  return { build, files: manifest.length, bytes, sent: missing.length };
}

async function putManifest(store: S3Client, bucket: string, build: Digest, text: string): Promise<void> {
  try {
    await store.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: manifestKey(build),
        Body: text,
        ContentType: "application/json",
        CacheControl: "no-cache",
        IfNoneMatch: "*",
      }),
    );
  } catch (error) {
    // Somebody published the same at the same time.
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode !== 412) throw error;
    await holdsManifest(store, bucket, build);
  }
}

/** Whether the store has the manifest of a build. @throws Error when it has another in its place */
async function holdsManifest(store: S3Client, Bucket: string, build: Digest): Promise<boolean> {
  try {
    const { Body } = await store.send(new GetObjectCommand({ Bucket, Key: manifestKey(build) }));
    readManifest((await readBody(Body, largestManifest, `the manifest of ${build}`)).toString("utf8"), build);
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === "NoSuchKey") return false;
    throw error;
  }
}

/** The size of every file that lies under a build, by its path. */
async function sizesOf(client: S3Client, Bucket: string, build: Digest): Promise<Map<string, number>> {
  const Prefix = filesPrefix(build);
  const sizes = new Map<string, number>();
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix })) {
    for (const { Key = "", Size = -1 } of Contents) sizes.set(Key.slice(Prefix.length), Size);
  }
  return sizes;
}
