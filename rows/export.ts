import { createHash, randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ClientBase } from "pg";
import { rowsPath, type RowsDigest } from "../release/rows";
import { describeTable } from "./catalog";
import { compareRows, keysOf, readLines } from "./comparison";
import type { RowSource } from "./source";
import type { LocatedTable } from "./sql";

/** As the umask leaves it: another person of the group applies these rows. */
const shared = 0o666;

/**
 * The live rows of the keys that were applied, as a row file under its digest; undefined when they are as they were
 * applied, and nothing is written then.
 */
export async function exportRows(
  client: ClientBase,
  located: LocatedTable,
  applied: RowSource,
  records: string,
): Promise<(RowsDigest & { readonly file: string }) | undefined> {
  let odd = 0;
  const live = await describeTable(client, located);
  if (live !== undefined) {
    await compareRows(client, located, applied, ({ standing }) => {
      if (standing !== "same") odd += 1;
    });
    if (odd === 0) return undefined;
  }
  const hash = createHash("sha256");
  const beside = join(process.cwd(), records, "rows", `${randomBytes(4).toString("hex")}.partial`);
  mkdirSync(dirname(beside), { recursive: true });
  const file = openSync(beside, "wx", shared);
  let count = 0;
  try {
    for await (const keys of keysOf(applied, located.table)) {
      const rows = live === undefined ? [] : await readLines(client, located, live, keys, "pinned");
      const text = rows.map((row) => `${row}\n`).join("");
      writeSync(file, text);
      hash.update(text);
      count += rows.length;
    }
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  const digest = `sha256:${hash.digest("hex")}`;
  const path = rowsPath(records, digest);
  renameSync(beside, join(process.cwd(), path));
  return { digest, count, file: path };
}
