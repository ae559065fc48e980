import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import {
  manifestFile,
  parseManifest,
  parseSums,
  type BackupPart,
  type Manifest,
  type Occasion,
} from "../../release/backup-manifest";

/** How a backup is called: the time, to the second, in UTC. What is called otherwise is none, such as one half made. */
const named = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

export const isBackupName = (name: string): boolean => named.test(name);

/** How many bytes of a manifest are read. */
export const largestManifest = 256 * 1024 * 1024;

/** The name of a backup of a time. */
export function nameAt(time: Date): string {
  return time.toISOString().replace(/[-:]|\.\d+/g, "");
}

/** A file of a backup: its path among the parts, where it lies, and what it must hash to. */
export interface KeptFile {
  readonly path: string;
  readonly stored: string;
  readonly sha256: string;
  /** Undefined in backups of the first form, which do not say it. */
  readonly bytes: number | undefined;
  readonly mode?: number | undefined;
}

/** A backup as it says it is. Nothing of it was hashed yet. */
export interface Backup {
  readonly id: string;
  readonly place: string;
  /** ISO 8601. */
  readonly at: string;
  readonly occasion: Occasion;
  readonly parts: readonly BackupPart[];
  readonly files: readonly KeptFile[];
  /** Undefined in backups of the first form. */
  readonly manifest: Manifest | undefined;
}

/** A folder that is called like a backup, and cannot be read as one. */
export interface Unreadable {
  readonly id: string;
  readonly place: string;
  readonly reason: string;
}

export const isReadable = (backup: Backup | Unreadable): backup is Backup => !("reason" in backup);

/** The backups in a folder of them, newest first. */
export function backupsIn(all: string): (Backup | Unreadable)[] {
  const names = existsSync(all) ? readdirSync(all) : [];
  return names
    .filter(isBackupName)
    .sort()
    .reverse()
    .map((name) => readBackup(join(all, name)));
}

/** Reads what a backup says of itself. */
export function readBackup(place: string): Backup | Unreadable {
  const id = basename(place);
  try {
    if (!existsSync(join(place, manifestFile))) return readFirstForm(id, place);
    const { size } = statSync(join(place, manifestFile));
    if (size > largestManifest) return { id, place, reason: `${manifestFile} has ${size} bytes` };
    const parsed = parseManifest(readFileSync(join(place, manifestFile), "utf8"));
    if (!parsed.ok) return { id, place, reason: parsed.reason };
    const { manifest } = parsed;
    const { at, occasion, parts, files } = manifest;
    return { id, place, at, occasion, parts, files: files.map((file) => ({ ...file, stored: file.path })), manifest };
  } catch (error) {
    return { id, place, reason: (error as Error).message };
  }
}

/** The first form: files beside their SHA256SUMS, and nothing that says what they are but their names. */
function readFirstForm(id: string, place: string): Backup | Unreadable {
  const path = join(place, "SHA256SUMS");
  if (!existsSync(path)) return { id, place, reason: `no ${manifestFile} and no SHA256SUMS` };
  const sums = parseSums(readFileSync(path, "utf8"));
  // A name that leads out of the backup proves nothing of it.
  if (sums === undefined || [...sums.keys()].some((name) => basename(name) !== name)) {
    return { id, place, reason: "SHA256SUMS has a line that is none" };
  }
  if (sums.size === 0) return { id, place, reason: "SHA256SUMS names no file" };
  const files = [...sums].map(([stored, sha256]) => ({ path: pathOf(stored), stored, sha256, bytes: undefined }));
  const parts = [...new Set(files.map((file) => file.path.split("/")[0] as BackupPart))];
  return { id, place, at: timeOf(id), occasion: "rollback", parts, files, manifest: undefined };
}

function pathOf(stored: string): string {
  if (stored === "state.json") return "state/state.json";
  if (stored === "policies.json") return "policies/policies.json";
  const table = /^rows-(.+\.jsonl)$/.exec(stored)?.[1];
  return table === undefined ? `stack/${stored}` : `rows/${table}`;
}

const timeOf = (id: string): string => id.replace(named, "$1-$2-$3T$4:$5:$6.000Z");
