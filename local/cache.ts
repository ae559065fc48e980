import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { withLock } from "./lock";

/** The user's cache of what was downloaded or built: REWIND_CACHE, else `rewind` in XDG_CACHE_HOME or ~/.cache. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const own = env.REWIND_CACHE;
  if (own !== undefined && own !== "") return path.resolve(own);
  const caches = env.XDG_CACHE_HOME;
  const absolute = caches !== undefined && path.isAbsolute(caches);
  return path.join(absolute ? caches : path.join(os.homedir(), ".cache"), "rewind");
}

/**
 * The folder `name` of the cache, made by `build` if it is not there yet. `build` fills a folder of another name,
 * which gets its own only when it is complete; an interrupted one leaves nothing. Clones that want the same folder
 * at the same time wait for one builder.
 */
export async function fromCache(
  cache: string,
  name: string,
  build: (folder: string) => Promise<void>,
  options: { signal?: AbortSignal | undefined; waiting?: ((pid: number) => void) | undefined } = {},
): Promise<string> {
  const folder = path.join(cache, name);
  if (fs.existsSync(folder)) return folder;
  return await withLock(
    `${folder}.lock`,
    async () => {
      if (fs.existsSync(folder)) return folder;
      // Left by a builder that was killed: we hold the lock, so nobody works in them.
      for (const entry of fs.readdirSync(cache)) {
        if (entry.startsWith(`${name}.tmp-`)) fs.rmSync(path.join(cache, entry), { recursive: true, force: true });
      }
      const temporary = `${folder}.tmp-${randomBytes(4).toString("hex")}`;
      fs.mkdirSync(temporary, { recursive: true });
      try {
        await build(temporary);
        fs.renameSync(temporary, folder);
      } finally {
        fs.rmSync(temporary, { recursive: true, force: true });
      }
      return folder;
    },
    options,
  );
}
