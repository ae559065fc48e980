import { createHash, type KeyObject } from "node:crypto";
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeFolder, syncName, writeNew } from "../../records/atomic-file";
import type { Digest } from "../../release/primitives";
import {
  backupParts,
  manifestFile,
  manifestText,
  parseManifest,
  sealedFile,
  signatureFile,
  sumsFile,
  sumsText,
  type BackupFile,
  type Manifest,
} from "../../release/backup-manifest";
import { sealed } from "./archive";
import { manifestDigest, signManifest } from "./provenance";
import { nameAt } from "./read";
import { Staging } from "./staging";

/** What a backup says of itself beside its files. */
export type Facts = Omit<Manifest, "format" | "version" | "files" | "parts" | "database" | "sealed">;

/** Adds files to a backup that is being made, and says what the dump among them holds. */
export type Fill = (staging: Staging) => Promise<Manifest["database"]>;

/** How a backup comes to prove who made it. */
export interface Vouching {
  /**
   * Writes down, in a place that the writers of backups cannot write, which manifest a name has. It is called before the
   * backup gets its name, so that none is ever there unproven.
   */
  readonly note?: (id: string, manifest: Digest) => void;
  /** A private Ed25519 key that signs the manifest. */
  readonly key?: KeyObject;
}

/** A backup that is on the disk, and whole. */
export interface Written {
  readonly id: string;
  readonly place: string;
  readonly manifest: Manifest;
}

/**
 * Makes a backup: its files are written beside its place, with their sums and a manifest, and it is renamed into its place
 * when all of it is on the disk. So it is whole, or not there.
 * @param all the folder of the stack's backups
 * @param recipients who can decrypt it; empty for a backup that is not encrypted
 * @param vouching how it comes to prove who made it
 */
export async function writeBackup(
  all: string,
  facts: Facts,
  fill: Fill,
  recipients: readonly string[] = [],
  vouching: Vouching = {},
): Promise<Written> {
  if (!existsSync(all)) makeFolder(all, 0o700);
  const partial = mkdtempSync(join(all, "making.partial-"));
  const hidden = `${partial}.hidden`;
  try {
    const isSealed = recipients.length > 0;
    const contents = new Staging(isSealed ? hidden : partial, isSealed);
    const database = await fill(contents);
    const parts = backupParts.filter((part) => contents.files.some(({ path }) => path.startsWith(`${part}/`)));
    const head = { format: "rewind-backup", version: 1, ...facts, parts } as const;
    const inner = asRead({ ...head, files: contents.files, ...(database === undefined ? {} : { database }) });
    const manifest = isSealed ? await sealInto(partial, head, contents, inner, recipients) : inner;
    await finish(new Staging(partial, false), manifest);
    const place = intoPlace(partial, all, new Date(facts.at), (id) => {
      vouch(partial, id, manifest, vouching);
    });
    return { id: place.slice(dirname(place).length + 1), place, manifest };
  } finally {
    for (const folder of [partial, hidden]) rmSync(folder, { recursive: true, force: true });
  }
}

/** Encrypts what was staged into one file, and returns the manifest that says only that. */
async function sealInto(
  folder: string,
  head: Omit<Manifest, "files">,
  contents: Staging,
  inner: Manifest,
  recipients: readonly string[],
): Promise<Manifest> {
  const outer = new Staging(folder, false);
  const [manifest, sums] = endOf(inner);
  await outer.add(sealedFile, await sealed(contents, { [manifestFile]: manifest, [sumsFile]: sums }, recipients));
  const bytes = inner.files.reduce((sum, file) => sum + file.bytes, 0);
  return asRead({ ...head, files: outer.files, sealed: { bytes } });
}

/**
 * A manifest with its keys in the order in which a reader has them: its sum is of its text.
 * @throws Error where no reader would take it, for nobody could restore it
 */
function asRead(manifest: Manifest): Manifest {
  const read = parseManifest(manifestText(manifest));
  if (read.ok) return read.manifest;
  throw new Error(`the backup could not be read again: ${read.reason}`);
}

/** The texts of the manifest and of the sums, which cover the manifest, too. */
function endOf(manifest: Manifest): [manifest: string, sums: string] {
  const text = manifestText(manifest);
  const own: BackupFile = { path: manifestFile, bytes: Buffer.byteLength(text), sha256: sha256Of(text) };
  return [text, sumsText([...manifest.files, own])];
}

async function finish(staging: Staging, manifest: Manifest): Promise<void> {
  const [text, sums] = endOf(manifest);
  await staging.addPlain(manifestFile, text);
  await staging.addPlain(sumsFile, sums);
  staging.sync();
}

/** Signs the manifest under the name that the backup is about to have, and writes down that it has it. */
function vouch(partial: string, id: string, manifest: Manifest, { key, note }: Vouching): void {
  if (key !== undefined) {
    const file = join(partial, signatureFile);
    // The name that it was signed for before may have been taken meanwhile.
    rmSync(file, { force: true });
    writeNew(file, signManifest(manifest, id, key));
  }
  note?.(id, manifestDigest(manifest));
}

/** Of two in one second the later one is named by the next. */
function intoPlace(partial: string, all: string, at: Date, prepare: (id: string) => void): string {
  const place = join(all, nameAt(at));
  if (!isMoved(partial, place, prepare)) return intoPlace(partial, all, new Date(at.getTime() + 1_000), prepare);
  syncName(place);
  return place;
}

/** False where there is a backup of that name. */
function isMoved(partial: string, place: string, prepare: (id: string) => void): boolean {
  // An empty folder would be replaced.
  if (existsSync(place)) return false;
  prepare(basename(place));
  try {
    renameSync(partial, place);
    return true;
  } catch (error) {
    // Somebody made it since.
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw error;
  }
}

const sha256Of = (text: string): string => createHash("sha256").update(text).digest("hex");
