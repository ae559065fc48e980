import { Refusal } from "./result";

/** What the system's codes say of a folder in which nothing can be written. */
const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left there",
  EDQUOT: "the quota is used up",
  EFBIG: "no file may grow so large there (ulimit -f)",
  EROFS: "it is read-only",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
};

/** What makes room, or the folder writable. */
const help: Readonly<Record<string, string>> = {
  ENOSPC: "older backups below .rewind/backups may go",
  EDQUOT: "older backups below .rewind/backups may go",
};

/**
 * Runs something that writes below a folder.
 * @throws Refusal that names the folder, and what helps, where the system does not let it
 */
export function writeOrRefuse<T>(folder: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw refusalToWrite(folder, error);
  }
}

/** The same for what takes its time. */
export async function writeLaterOrRefuse<T>(folder: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw refusalToWrite(folder, error);
  }
}

/** A Refusal where the system does not let anybody write in a folder; any other error as it is. */
function refusalToWrite(folder: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const reason = reasons[code];
  if (reason === undefined) return error;
  const hint = help[code] === undefined ? `ls -ld ${folder}` : `df -h ${folder}; ${help[code]}`;
  return new Refusal(`cannot write in ${folder}: ${reason} (${code})`, hint);
}
