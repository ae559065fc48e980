import { closeSync, constants, fchownSync, openSync, statSync } from "node:fs";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { run } from "./programs";

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

/** What is done in folders that an account may write. */
export interface Hands {
  /** Makes a folder that was not there. */
  makeFolder(path: string): Promise<void>;
  /** Copies what is in a folder into another, with owners, times and links as they are. */
  copy(from: string, into: string): Promise<void>;
  /** Writes a file, the account's alone, or adds to it. */
  write(path: string, text: string, how?: "add"): Promise<void>;
  /** Removes a file or a folder with all that is in it. */
  remove(path: string): Promise<void>;
}

/**
 * Whoever owns a folder may put a link where a file was, and root would follow it to any file of the machine. So what
 * lies in such a folder is made, written and removed as its owner.
 */
export function handsOf(account: Account): Hands {
  const { uid, gid } = account;
  if (uid === undefined || gid === undefined) return ownHands;
  return {
    makeFolder: async (path) => {
      await run("mkdir", ["-m", "700", "--", path], account);
    },
    copy: async (from, into) => {
      await run("cp", ["-a", "--", `${from}/.`, into], account);
    },
    write: async (path, text, how) => {
      await run("tee", [...(how === "add" ? ["-a"] : []), "--", path], { ...account, input: text });
      await run("chmod", ["600", "--", path], account);
    },
    remove: async (path) => {
      await run("rm", ["-rf", "--", path], account);
    },
  };
}

const ownHands: Hands = {
  makeFolder: async (path) => {
    await mkdir(path, { mode: 0o700 });
  },
  copy: (from, into) => cp(from, into, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true }),
  write: (path, text, how) => writeFile(path, text, { mode: 0o600, flag: how === "add" ? "a" : "w" }),
  remove: (path) => rm(path, { recursive: true, force: true }),
};

/**
 * Hands an empty folder to an account.
 * @throws Error when something else is there by now
 */
export function giveFolder(path: string, { uid, gid }: Account): void {
  if (uid === undefined || gid === undefined) return;
  const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchownSync(folder, uid, gid);
  } finally {
    closeSync(folder);
  }
}
