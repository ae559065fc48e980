import { createCipheriv, createDecipheriv, createHash, randomBytes, type Hash } from "node:crypto";
import { createReadStream, mkdirSync, readdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline, type Readable } from "node:stream";
import { syncFolder } from "../../records/atomic-file";
import { isBackupPath, type BackupFile } from "../../release/backup-manifest";

/** What goes into a file of a backup. */
export type Content = string | AsyncIterable<Buffer>;

/**
 * The files of a backup while it is made. Those of one that will be encrypted are on the disk under a key that is only in
 * memory: an archive says how long a file is before the file, and a dump knows its length when it is done.
 */
export class Staging {
  readonly files: BackupFile[] = [];
  private readonly key: Buffer | undefined;

  constructor(
    readonly folder: string,
    hidden: boolean,
  ) {
    this.key = hidden ? randomBytes(32) : undefined;
  }

  /**
   * Writes a file and waits until it is on the disk.
   * @throws Error when the path is none that a backup may have
   */
  async add(path: string, content: Content, mode?: number): Promise<void> {
    if (!isBackupPath(path)) throw new Error(`a backup cannot hold a file of the name ${JSON.stringify(path)}`);
    const file = await this.write(path, content, this.key);
    this.files.push(mode === undefined ? file : { ...file, mode });
  }

  /** Writes what is no part of the backup's contents, such as its sums, as it is. */
  async addPlain(path: string, content: Content): Promise<BackupFile> {
    return this.write(path, content, undefined);
  }

  /** A file's content as it was added. */
  read(path: string): Readable {
    const raw = createReadStream(join(this.folder, path), { highWaterMark: 1 << 20 });
    if (this.key === undefined) return raw;
    // Whoever reads hears of what goes wrong.
    return pipeline(raw, createDecipheriv("aes-256-ctr", this.key, counterOf(path)), () => undefined);
  }

  /** Waits until the names of all files are on the disk. */
  sync(): void {
    syncBelow(this.folder);
  }

  private async write(path: string, content: Content, key: Buffer | undefined): Promise<BackupFile> {
    const place = join(this.folder, path);
    mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
    const cipher = key === undefined ? undefined : createCipheriv("aes-256-ctr", key, counterOf(path));
    const hash: Hash = createHash("sha256");
    let bytes = 0;
    const file = await open(place, "wx", 0o600);
    try {
      for await (const chunk of typeof content === "string" ? [Buffer.from(content, "utf8")] : content) {
        hash.update(chunk);
        bytes += chunk.length;
        await file.appendFile(cipher === undefined ? chunk : cipher.update(chunk));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    return { path, bytes, sha256: hash.digest("hex") };
  }
}

/** No two files are under one key stream: a path occurs once, and the key never again. */
function counterOf(path: string): Buffer {
  return createHash("sha256").update(path).digest().subarray(0, 16);
}

function syncBelow(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) syncBelow(join(folder, entry.name));
  }
  syncFolder(folder);
}
