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
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const reason = reasons[code];
    if (reason === undefined) throw error;
    const hint = help[code] === undefined ? `ls -ld ${folder}` : `df -h ${folder}; ${help[code]}`;
    throw new Refusal(`cannot write in ${folder}: ${reason} (${code})`, hint);
  }
}
