import * as fs from "node:fs";
import * as path from "node:path";
import { unmountBelow } from "./mounts";
import { elsewhereLink } from "./parts/postgres-account";

/** Deletes everything in a state folder, and what the environment keeps outside it. The lock, which we hold, stays. */
export async function purge(folder: string): Promise<void> {
  const elsewhere = path.join(folder, "postgres", elsewhereLink);
  if (fs.existsSync(elsewhere)) fs.rmSync(fs.realpathSync(elsewhere), { recursive: true, force: true });
  await unmountBelow(folder);
  for (const entry of fs.readdirSync(folder)) {
    if (entry !== "lock") fs.rmSync(path.join(folder, entry), { recursive: true, force: true });
  }
}
