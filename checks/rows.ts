import type { ClientBase, Pool } from "pg";
import { canonicalJson, digestOf } from "../release/canonical";
import type { Digest } from "../release/primitives";
import { brief, keyColumns, keyOf, rowOfOldLog, type RowsDigest } from "../release/rows";
import type { Row } from "../release/schema/rows";
import type { Measurement } from "./probe";
import { compareRows, readRows, type Standing } from "./row-comparison";
import { checkRowFile, inProject, RowFileError } from "./row-file";
import { qualified, type LocatedTable } from "./row-sql";
import type { RowSource } from "./row-source";

const mostNamed = 20;

/** Whether the table is there. */
export async function tableExists(
  client: Pool | ClientBase,
  located: Pick<LocatedTable, "schema" | "name">,
): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>("select to_regclass($1) is not null as found", [
    qualified(located),
  ]);
  return rows[0]?.found === true;
}

/** Whether a row file is there and is what the release pins, every line of it. */
export async function measureRowFile(
  folder: string,
  pinned: RowsDigest & { readonly file: string },
  located: LocatedTable,
  signal: AbortSignal,
): Promise<Measurement> {
  try {
    await checkRowFile(inProject(folder, pinned.file), pinned, located.table, signal);
    return { result: "passed", evidence: `${pinned.file}: ${pinned.count} rows` };
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
  const wrong = new Map<string, Row>();
  let [compared, odd]: [number, number] = [0, 0];
  let sole: Row = {};
  const visit = (key: string, row: Row, standing: Standing): void => {
    compared += 1;
    sole = row;
    if (standing === "same") return;
    odd += 1;
    if (wrong.size < mostNamed) wrong.set(key, row);
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
    const live = await readRows(client, located, [...wrong.keys()]);
    const told = [...wrong].flatMap(([key, row]) => describeDifference(`${name}/${key}`, row, live.get(key)));
    const more = odd > wrong.size ? ` and ${odd - wrong.size} rows more` : "";
    return { result: "failed", evidence: `ROLLBACK FAILED: ${told.join("; ")}${more}` };
  }
  const values = Object.entries(sole).filter(([column]) => !keyColumns(table).includes(column));
  const told = values.map(([column, value]) => ` ${column} = ${brief(value)}`).join(",");
  const subject = compared === 1 ? `${name}/${keyOf(sole, table)}${told}` : `${compared} rows of ${name}`;
  return { result: "passed", evidence: `ROLLBACK SUCCESS: ${subject}` };
}

/** The columns in which a live row differs. Where PostgreSQL sees a difference and JSON none, the row as a whole. */
function describeDifference(name: string, expected: Row, live: Row | undefined): string[] {
  if (live === undefined) return [`${name} is missing`];
  const told = Object.keys(expected)
    .filter((column) => canonicalJson(expected[column] ?? null) !== canonicalJson(live[column] ?? null))
    .map((column) => `${name} ${column} = ${brief(live[column])}, pinned is ${brief(expected[column])}`);
  return told.length > 0 ? told : [`${name} differs in what JSON does not show, such as NULL and JSON's own null`];
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
  // How many states have the key, and whether the live row is as one of them, or not there.
  const seen = new Map<string, { states: number; standing: Standing }>();
  for (const state of states) {
    const note = (key: string, standing: Standing): void => {
      const before = seen.get(key);
      const settled = before?.standing === "same" ? "same" : standing;
      seen.set(key, { states: (before?.states ?? 0) + 1, standing: settled });
    };
    if ("digests" in state) await compareDigests(client, located, state.digests, note);
    else {
      await compareRows(
        client,
        located,
        state.rows,
        (key, _, standing) => {
          note(key, standing);
        },
        {
          wanted: (key) => seen.get(key)?.standing !== "same",
          ...(signal === undefined ? {} : { signal }),
        },
      );
    }
  }
  const drifted = [...seen].flatMap(([key, { states: having, standing }]) =>
    standing === "same" || (standing === "missing" && having < states.length) ? [] : [key],
  );
  if (drifted.length === 0) return { result: "passed", evidence: `${seen.size} rows are as they were applied` };
  const first = drifted.sort().slice(0, mostNamed);
  const live = await readRows(client, located, first);
  const named = first.map((key) => {
    const row = live.get(key);
    return `${located.name}/${key} ${row === undefined ? "is gone" : `is now ${JSON.stringify(row)}`}`;
  });
  const more = drifted.length > named.length ? ` and ${drifted.length - named.length} more` : "";
  return { result: "failed", evidence: `changed behind Rewind's back: ${named.join("; ")}${more}` };
}

async function compareDigests(
  client: Pool,
  located: LocatedTable,
  digests: RowDigests,
  note: (key: string, standing: Standing) => void,
): Promise<void> {
  const live = await readRows(client, located, Object.keys(digests));
  for (const [key, digest] of Object.entries(digests)) {
    const row = live.get(key);
    note(key, row === undefined ? "missing" : digestsOf(row, located).includes(digest) ? "same" : "different");
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
