import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { manifestFile, signatureFile, sumsFile } from "../../release/backup-manifest";
import type { Backup } from "./read";
import { sha256Of } from "./verify";

/** Where copies go: a bucket, and what their keys begin with. */
export interface CopyPlace {
  readonly bucket: string;
  readonly prefix: string;
}

/** A place of copies as people write it. */
export const locationOf = ({ bucket, prefix }: CopyPlace): string => `s3://${bucket}/${prefix}`;

/** The largest object that a store takes in one piece. */
const largest = 5 * 1024 ** 3;

/**
 * Copies a backup to an object store, its manifest last, and reads all of it back: a copy that has a manifest is whole.
 * @returns where it is, `s3://bucket/prefix/…`
 * @throws Error when the store has other bytes than were sent
 */
export async function copyBackup(store: S3Client, { bucket, prefix }: CopyPlace, backup: Backup): Promise<string> {
  const key = (path: string): string => `${prefix}/${backup.id}/${path}`;
  const signature = existsSync(join(backup.place, signatureFile)) ? [signatureFile] : [];
  for (const path of [...backup.files.map(({ stored }) => stored), sumsFile, ...signature, manifestFile]) {
    const file = join(backup.place, path);
    const { size } = statSync(file);
    if (size > largest) throw new Error(`${path} has ${size} bytes, and a store takes ${largest} in one piece`);
    // The client reads a stream once, and an empty one not at all.
    const Body = size < 1 << 20 ? readFileSync(file) : createReadStream(file);
    await store.send(new PutObjectCommand({ Bucket: bucket, Key: key(path), Body, ContentLength: size }));
    const { Body: there } = await store.send(new GetObjectCommand({ Bucket: bucket, Key: key(path) }));
    const hash = createHash("sha256");
    for await (const chunk of (there ?? []) as AsyncIterable<Uint8Array>) hash.update(chunk);
    if (hash.digest("hex") !== sha256Of(file)) throw new Error(`the store has other bytes of ${path} than were sent`);
  }
  return `${locationOf({ bucket, prefix })}/${backup.id}`;
}
