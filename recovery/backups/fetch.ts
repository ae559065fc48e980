import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, type S3Client } from "@aws-sdk/client-s3";
import { makeFolder, syncName } from "../../records/atomic-file";
import { manifestFile, signatureFile, sumsFile } from "../../release/backup-manifest";
import type { CopyPlace } from "./copy";
import { largestSignature } from "./provenance";
import { isBackupName, isReadable, largestManifest, readBackup, type Backup } from "./read";
import { Staging } from "./staging";
import { problemsOf } from "./verify";

/** What is kept in an object store cannot be had as the backup that it is called. */
export class BadCopy extends Error {
  override readonly name = "BadCopy";
}

/** The store does not have it. */
class NoCopy extends BadCopy {}

/** The names of the copies that a store has, newest first. One whose manifest never came is among them. */
export async function copiesIn(store: S3Client, { bucket, prefix }: CopyPlace): Promise<string[]> {
  const names: string[] = [];
  const request = { Bucket: bucket, Prefix: `${prefix}/`, Delimiter: "/" };
  for (let after: string | undefined; ;) {
    const more = after === undefined ? {} : { ContinuationToken: after };
    const page = await store.send(new ListObjectsV2Command({ ...request, ...more }));
    names.push(...(page.CommonPrefixes ?? []).map(({ Prefix = "" }) => Prefix.slice(prefix.length + 1, -1)));
    after = page.NextContinuationToken;
    if (after === undefined) return names.filter(isBackupName).sort().reverse();
  }
}

/**
 * Fetches a copy of a backup: it is written beside, proved by its sums, and renamed into its place. Nothing in the store is
 * believed: no more is written than its manifest names, and nothing outside of the backup's folder.
 * @param all the folder of the stack's backups
 * @param prove asks who made it, and throws where that is not known; of the manifest alone, before anything else is read
 * @throws BadCopy when it is not whole, or not what was written
 */
export async function fetchCopy(
  store: S3Client,
  from: CopyPlace,
  id: string,
  all: string,
  prove: (backup: Backup) => void,
): Promise<Backup> {
  if (!existsSync(all)) makeFolder(all, 0o700);
  const partial = mkdtempSync(join(all, "making.partial-"));
  try {
    const fetched = new Staging(partial, false);
    const take = async (path: string, most: number): Promise<void> => {
      await fetched.addPlain(path, noMoreThan(await contentOf(store, from, `${id}/${path}`), most, path));
    };
    await take(manifestFile, largestManifest);
    const named = { ...readOrRefuse(partial, id), id };
    try {
      await take(signatureFile, largestSignature);
    } catch (error) {
      if (!(error instanceof NoCopy)) throw error;
    }
    prove(named);
    const { files } = named;
    await take(sumsFile, largestManifest);
    for (const { stored, bytes = 0 } of files) await take(stored, bytes);
    const problems = problemsOf(readOrRefuse(partial, id));
    if (problems.length > 0) throw new BadCopy(`${id} is not what was written: ${problems.slice(0, 3).join("; ")}`);
    fetched.sync();
    const place = join(all, id);
    renameSync(partial, place);
    syncName(place);
    return readOrRefuse(place, id);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

function readOrRefuse(folder: string, id: string): Backup {
  const backup = readBackup(folder);
  if (isReadable(backup)) return backup;
  throw new BadCopy(`${id} is not what was written: ${backup.reason}`);
}

async function contentOf(store: S3Client, { bucket, prefix }: CopyPlace, path: string): Promise<AsyncIterable<Buffer>> {
  try {
    const { Body } = await store.send(new GetObjectCommand({ Bucket: bucket, Key: `${prefix}/${path}` }));
    return (Body ?? []) as AsyncIterable<Buffer>;
  } catch (error) {
    if (error instanceof NoSuchKey) throw new NoCopy(`the store has no ${path}`);
    throw error;
  }
}

async function* noMoreThan(content: AsyncIterable<Buffer>, most: number, path: string): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > most) throw new BadCopy(`${path} has more than ${most} bytes`);
    yield chunk;
  }
}
