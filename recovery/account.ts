import { chownSync, lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Who runs PostgreSQL's programs; empty when it is whoever runs this. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * PostgreSQL refuses to run as root, so root runs it as the owner of the folder of base backups.
 * @throws Error when there is no such folder, or when it is root's own
 */
export function accountOf(folder: string): Account {
  let stat: ReturnType<typeof statSync>;
  try {
    stat = statSync(folder);
  } catch {
    throw new Error(`no folder ${folder} for base backups; make it, and give it to the user who runs PostgreSQL`);
  }
  if (!stat.isDirectory()) throw new Error(`${folder} is no folder`);
  if (process.getuid?.() !== 0) return {};
  if (stat.uid === 0) {
    throw new Error(`${folder} belongs to root, and PostgreSQL does not run as root; give it to the user who runs it`);
  }
  return { uid: stat.uid, gid: stat.gid };
}

/** Hands a folder with all that is in it to an account. */
export function give(folder: string, { uid, gid }: Account): void {
  if (uid === undefined || gid === undefined) return;
  chownSync(folder, uid, gid);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stat = lstatSync(path);
    if (stat.isDirectory()) give(path, { uid, gid });
    else if (!stat.isSymbolicLink()) chownSync(path, uid, gid);
  }
}
