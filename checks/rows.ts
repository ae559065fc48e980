import type { Pool } from "pg";
import { digestOf } from "../release/canonical";
import { stringifyExactly } from "../release/exact-json";
import type { Digest } from "../release/primitives";
import { brief, keyColumns, keyOf, rowOfOldLog, type RowsDigest } from "../release/rows";
import type { Row } from "../release/schema/rows";
import type { Measurement } from "./probe";
import { tableExists } from "../rows/table";
import { compareRows, readRows, type ComparedRow, type Standing } from "../rows/comparison";
import { checkRowFile, inProject, RowFileError } from "../rows/file";
import { KeySet } from "../rows/key-set";
import type { LocatedTable } from "../rows/sql";
import type { RowSource } from "../rows/source";
import { counted } from "../release/text";

const mostNamed = 20;

/** Whether a row file is there and is what the release pins, every line of it. */
export async function measureRowFile(
  folder: string,
  pinned: RowsDigest & { readonly file: string },
  located: LocatedTable,
  signal: AbortSignal,
): Promise<Measurement> {
  try {
    await checkRowFile(inProject(folder, pinned.file), pinned, located.table, signal);
    return { result: "passed", evidence: `${pinned.file}: ${counted(pinned.count, "row")}` };
  } catch (error) {
    if (error instanceof RowFileError) return { result: "failed", evidence: error.message };
    throw error;
  }
}

/**
 * Whether the rows hold what the pin says; the evidence is in the words of the plans, ROLLBACK SUCCESS or ROLLBACK
 * FAILED, and names every row that differs, up to twenty.
 */
export async function measureRows(
  client: Pool,
  located: LocatedTable,
  source: RowSource,
  only?: string,
  signal?: AbortSignal,
): Promise<Measurement> {
  const { name, table } = located;
  const wrong: ComparedRow[] = [];
  let [compared, odd]: [number, number] = [0, 0];
  let sole: Row = {};
  const visit = (each: ComparedRow): void => {
    compared += 1;
    sole = each.row;
    if (each.standing === "same") return;
    odd += 1;
    if (wrong.length < mostNamed) wrong.push(each);
  };
  if (!(await tableExists(client, located))) {
    return { result: "failed", evidence: `ROLLBACK FAILED: there is no table ${located.schema}.${name}` };
  }
  const options = only === undefined ? {} : { wanted: (key: string) => key === only };
  await compareRows(client, located, source, visit, { ...options, ...(signal === undefined ? {} : { signal }) });
  if (only !== undefined && compared === 0) {
    return { result: "failed", evidence: `ROLLBACK FAILED: ${source.name} has no row ${name}/${only}` };
  }
  if (odd > 0) {
    const told = wrong.map((each) => describeDifference(name, each));
    const more = odd > wrong.length ? ` and ${counted(odd - wrong.length, "row")} more` : "";
    return { result: "failed", evidence: `ROLLBACK FAILED: ${told.join("; ")}${more}` };
  }
  const values = Object.entries(sole).filter(([column]) => !keyColumns(table).includes(column));
  const told = values.map(([column, value]) => ` ${column} = ${brief(value)}`).join(",");
  const subject = compared === 1 ? `${name}/${keyOf(sole, table)}${told}` : `${counted(compared, "row")} of ${name}`;
  return { result: "passed", evidence: `ROLLBACK SUCCESS: ${subject}` };
}

/** The columns in which a live row differs, each as the server writes it. */
function describeDifference(table: string, { key, row, standing, odd }: ComparedRow): string {
  if (standing === "missing") return `${table}/${key} is missing`;
  return Object.entries(odd)
    .map(
      ([column, live]) =>
        `${table}/${key} ${column} = ${live ?? "NULL"}, pinned is ${row[column] === null ? "NULL" : brief(row[column])}`,
    )
    .join("; ");
}

/** The digests of rows as they were applied or attempted, by key, as the first version of the log kept them. */
export type RowDigests = Readonly<Record<string, Digest>>;

/** Rows as they were applied or attempted: at hand, or in an old entry of the log only the digest of each. */
export type AppliedRows = { readonly rows: RowSource } | { readonly digests: RowDigests };

/**
 * Whether the live rows are what Rewind left there. After an update that stopped half-way a row may be as it was before
 * or as that update meant it, so each row must match one of the states; a key that a state lacks may be absent.
 */
export async function measureRowDrift(
  client: Pool,
  located: LocatedTable,
  states: readonly AppliedRows[],
  signal?: AbortSignal,
): Promise<Measurement> {
  try {
    // A stack that was destroyed, and came up half-way, has the database and not yet the table.
    if (!(await tableExists(client, located))) {
      return { result: "passed", evidence: "the table is gone as a whole; there is nothing to compare" };
    }
  } catch (error) {
    // A stack that was destroyed took its database along. One that was dropped by hand is missed by the next update.
    if ((error as { code?: string }).code !== "3D000") throw error;
    return { result: "passed", evidence: "the database is gone as a whole; there is nothing to compare" };
  }
  const settled = new KeySet();
  // Of the rows that no state has as they are: how many states have the key, and whether the live row is there.
  const seen = new Map<string, { readonly key: string; readonly states: number; readonly standing: Standing }>();
  let count = 0;
  for (const state of states) {
    const note = ({ key, identity, standing }: Omit<ComparedRow, "row" | "odd">): void => {
      if (settled.has(identity)) return;
      if (!seen.has(identity)) count += 1;
      if (standing === "same") {
        settled.add(identity);
        seen.delete(identity);
      } else seen.set(identity, { key, states: (seen.get(identity)?.states ?? 0) + 1, standing });
    };
    if ("digests" in state) await compareDigests(client, located, state.digests, note);
    else await compareRows(client, located, state.rows, note, signal === undefined ? {} : { signal });
  }
  const drifted = [...seen.values()].flatMap(({ key, states: having, standing }) =>
    standing === "missing" && having < states.length ? [] : [key],
  );
  if (drifted.length === 0) return { result: "passed", evidence: `${count} rows are as they were applied` };
  const first = drifted.sort().slice(0, mostNamed);
  const live = await readRows(client, located, first);
  const named = first.map((key) => {
    const row = live.get(key);
    return `${located.name}/${key} ${row === undefined ? "is gone" : `is now ${stringifyExactly(row) ?? ""}`}`;
  });
  const more = drifted.length > named.length ? ` and ${drifted.length - named.length} more` : "";
  return { result: "failed", evidence: `changed behind Rewind's back: ${named.join("; ")}${more}` };
}

async function compareDigests(
  client: Pool,
  located: LocatedTable,
  digests: RowDigests,
  note: (compared: Omit<ComparedRow, "row" | "odd">) => void,
): Promise<void> {
  const live = await readRows(client, located, Object.keys(digests));
  for (const [key, digest] of Object.entries(digests)) {
    const row = live.get(key);
    const standing = row === undefined ? "missing" : digestsOf(row, located).includes(digest) ? "same" : "different";
    note({ key, identity: key, standing });
  }
}

/**
 * The digests under which a live row may stand in an old log: its own, and that without the columns that are null, for
 * a column that the table has got since. Every row pins every column, so the second fits only in that case.
 */
function digestsOf(live: Row, { table }: LocatedTable): Digest[] {
  const row = rowOfOldLog(live, table);
  return [digestOf(row), digestOf(Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)))];
}
