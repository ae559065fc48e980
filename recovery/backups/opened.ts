import { mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { identitiesIn, unseal, Unopened } from "./archive";
import { isReadable, readBackup, type Backup } from "./read";

/**
 * Runs something with a backup that can be read. An encrypted one is decrypted into a folder beside it that only its owner
 * can read, and that is gone afterwards.
 * @param identity the file with the key of age
 * @throws Unopened when it is encrypted and the key is not at hand, or it is not what a backup is
 */
export async function withOpened<T>(
  backup: Backup,
  identity: string | undefined,
  work: (backup: Backup) => Promise<T>,
): Promise<T> {
  if (backup.manifest?.sealed === undefined) return work(backup);
  if (identity === undefined) throw new Unopened(`${backup.id} is encrypted, and no key was given`);
  const folder = mkdtempSync(join(dirname(backup.place), "opened.partial-"));
  try {
    await unseal(backup.place, identitiesIn(identity), folder);
    const inner = readBackup(folder);
    if (!isReadable(inner)) throw new Unopened(inner.reason);
    if (inner.manifest?.stack !== backup.manifest.stack || inner.at !== backup.at) {
      throw new Unopened("what is encrypted is another backup");
    }
    return await work({ ...inner, id: backup.id });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
