import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asIdentity, isAlive, self } from "./identity";
import { readJson } from "./state";

/**
 * Runs `work` while holding the lock file; waits for whoever holds it, and takes over from a holder that has died.
 * `waiting` is called once with the holder's process id when there is a wait.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  options: { signal?: AbortSignal | undefined; waiting?: ((pid: number) => void) | undefined } = {},
): Promise<T> {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  let told = false;
  while (!take(file)) {
    const holder = asIdentity(readJson(file));
    if (holder === undefined || !isAlive(holder)) discard(file);
    else {
      if (!told) options.waiting?.(holder.pid);
      told = true;
      await sleep(100, undefined, { signal: options.signal });
    }
  }
  try {
    return await work();
  } finally {
    fs.rmSync(file, { force: true });
  }
}

/** A link either appears with its whole content or not at all, so a lock is never seen half-written. */
function take(file: string): boolean {
  const own = `${file}.${String(process.pid)}.${randomBytes(4).toString("hex")}`;
  fs.writeFileSync(own, JSON.stringify(self()), { mode: 0o600 });
  try {
    fs.linkSync(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    fs.rmSync(own, { force: true });
  }
}

/** Moves a dead holder's lock away, and puts back one that a living process took in between. */
function discard(file: string): void {
  const aside = `${file}.${randomBytes(4).toString("hex")}.dead`;
  try {
    fs.renameSync(file, aside);
  } catch {
    return;
  }
  const moved = asIdentity(readJson(aside));
  if (moved !== undefined && isAlive(moved) && !fs.existsSync(file)) fs.renameSync(aside, file);
  else fs.rmSync(aside, { force: true });
}
