import { createReadStream, mkdirSync, readFileSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { ReadableStream } from "node:stream/web";
import { Decrypter, Encrypter } from "age-encryption";
import { extract, pack, type Extract, type Pack } from "tar-stream";
import { isBackupPath, manifestFile, sealedFile, sumsFile } from "../../release/backup-manifest";
import type { Staging } from "./staging";

/** An encrypted backup that was not opened: no key fits, or it is not what a backup is. */
export class Unopened extends Error {
  override readonly name = "Unopened";
}

/** What an archive may hold at most. It is not compressed, so it holds no more than it is long. */
export interface Limits {
  readonly files: number;
  readonly bytes: number;
}
const mostFiles = 1_000_000;

/**
 * A tar archive of what was staged, encrypted in the format of age.
 * @param ends what comes after the files, by path
 * @throws Error when a recipient is none
 */
export async function sealed(
  contents: Staging,
  ends: Readonly<Record<string, string>>,
  recipients: readonly string[],
): Promise<AsyncIterable<Buffer>> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  const encrypted = await encrypter.encrypt(ReadableStream.from(archived(contents, ends)) as never);
  return buffers(encrypted as unknown as AsyncIterable<Uint8Array>);
}

/** An archive that is fed when somebody reads it, who hears of what goes wrong. */
async function* archived(contents: Staging, ends: Readonly<Record<string, string>>): AsyncGenerator<Uint8Array> {
  const archive = pack();
  feed(archive, contents, ends).catch((error: unknown) => {
    archive.destroy(error as Error);
  });
  yield* archive as AsyncIterable<Uint8Array>;
}

async function* buffers(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

async function feed(archive: Pack, contents: Staging, ends: Readonly<Record<string, string>>): Promise<void> {
  const mtime = new Date();
  for (const { path, bytes } of contents.files) {
    const entry = archive.entry({ name: path, size: bytes, mode: 0o600, mtime });
    // It goes with its archive, and whoever reads that is told why.
    entry.on("error", () => undefined);
    for await (const chunk of contents.read(path) as AsyncIterable<Buffer>) {
      if (!entry.write(chunk)) await once(entry, "drain");
    }
    entry.end(Buffer.alloc(0));
    await once(entry, "close");
  }
  for (const [path, text] of Object.entries(ends)) archive.entry({ name: path, mode: 0o600, mtime }, text);
  archive.finalize();
}

/** The identities in a file of age's own: a key on each line that is no comment. */
export function identitiesIn(file: string): string[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
}

/**
 * Decrypts a sealed backup into a folder that is empty, and readable by its owner alone.
 * @throws Unopened, with the folder left as far as it came: it is the caller's to remove
 */
export async function unseal(place: string, identities: readonly string[], into: string): Promise<void> {
  const file = join(place, sealedFile);
  const decrypter = new Decrypter();
  try {
    for (const identity of identities) decrypter.addIdentity(identity);
    const encrypted = ReadableStream.from<Uint8Array>(createReadStream(file, { highWaterMark: 1 << 20 }));
    const plain = await decrypter.decrypt(encrypted as never);
    const limits = { files: mostFiles, bytes: statSync(file).size };
    await unpack(buffers(plain as unknown as AsyncIterable<Uint8Array>), into, limits);
  } catch (error) {
    if (error instanceof Unopened) throw error;
    throw new Unopened(`${sealedFile} cannot be opened: ${(error as Error).message}`);
  }
}

/**
 * Unpacks a tar archive: regular files with paths that a backup may have, each once, within the limits. Links, devices,
 * absolute paths and `..` are refused.
 * @throws Unopened
 */
export async function unpack(archive: AsyncIterable<Buffer>, into: string, limits: Limits): Promise<void> {
  const reader = extract();
  const feeding = feedInto(reader, archive);
  feeding.catch(() => {
    reader.destroy();
  });
  // Where the archive cannot be read on, whoever takes from the reader is told no more than that it is gone.
  for (const end of await Promise.allSettled([feeding, takeFrom(reader, into, limits)])) {
    if (end.status === "rejected") throw end.reason as Error;
  }
}

async function feedInto(reader: Extract, archive: AsyncIterable<Buffer>): Promise<void> {
  const closed = once(reader, "close");
  closed.catch(() => undefined);
  for await (const chunk of archive) {
    if (reader.destroyed) return;
    if (!reader.write(chunk)) await Promise.race([once(reader, "drain"), closed]);
  }
  reader.end(Buffer.alloc(0));
}

async function takeFrom(reader: Extract, into: string, limits: Limits): Promise<void> {
  const seen = new Set<string>();
  let left = limits.bytes;
  for await (const entry of reader) {
    const { name, type, size } = entry.header;
    if (type === "directory") {
      entry.resume();
      continue;
    }
    const shown = JSON.stringify(name.slice(0, 200));
    if (type !== "file") throw new Unopened(`it holds ${shown}, a ${type}, and a backup has only files`);
    if (!isBackupPath(name) && name !== manifestFile && name !== sumsFile) {
      throw new Unopened(`it holds ${shown}, which leads out of the backup or is no part of one`);
    }
    if (seen.has(name)) throw new Unopened(`it holds ${shown} twice`);
    seen.add(name);
    left -= size;
    if (left < 0) throw new Unopened(`it holds more than ${limits.bytes} bytes`);
    if (seen.size > limits.files) throw new Unopened(`it holds more than ${limits.files} files`);
    await writeEntry(join(into, name), entry);
  }
}

async function writeEntry(path: string, entry: AsyncIterable<unknown>): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of entry) await file.appendFile(chunk as Buffer);
  } finally {
    await file.close();
  }
}
