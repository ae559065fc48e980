import type { ClientBase, Pool } from "pg";
import { counted, shortened } from "../release/text";
import { canonicalJson } from "../release/canonical";
import { results } from "../release/verdict";
import type { Viewer, Visibility } from "../release/schema/visibility";
import { describeError, type Measurement } from "./probe";
import { askAs } from "./asking-as";
import { comparable, inTransaction, inUtc, read } from "./sql";

/**
 * What each viewer sees of a query, compared with what it is to see. Every viewer asks in a transaction of its own that
 * can only read and is rolled back, under its role and its settings. Seeing nothing, being denied and an error are three
 * things: a policy that hides rows, a privilege that is missing, and a check that measured nothing.
 */
export async function measureVisibility(pool: Pool, definition: Visibility, timeout: number): Promise<Measurement> {
  const told: Measurement[] = [];
  for (const viewer of definition.viewers) {
    told.push(
      await inTransaction(pool, "read write", async (client) =>
        compare(await seenBy(client, viewer, definition.query, timeout), viewer),
      ).catch((error: unknown): Measurement => ({ result: "error", evidence: describeError(error) })),
    );
  }
  const worst = Math.max(...told.map(({ result }) => results.indexOf(result)));
  const lines = told.map(({ result, evidence }, index) => {
    const viewer = definition.viewers[index];
    return `${viewer === undefined ? "" : nameOf(viewer)} ${evidence}${result === "passed" ? "" : ` (${result})`}`;
  });
  return { result: results[worst] ?? "inconclusive", evidence: lines.join("; ") };
}

type Seen =
  | { readonly kind: "rows"; readonly rows: readonly (readonly unknown[])[] }
  | { readonly kind: "denied"; readonly message: string };

/** What a viewer sees, under its role and its settings. Being denied is an answer. */
async function seenBy(client: ClientBase, viewer: Viewer, query: string, timeout: number): Promise<Seen> {
  const { role, settings = {} } = viewer.as;
  await client.query(`set local statement_timeout = ${Math.ceil(timeout)}; set local row_security = on; ${inUtc}`);
  for (const [name, value] of Object.entries(settings)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    await client.query("select set_config($1, $2, true)", [name, text]);
  }
  await confirm(client, role);
  try {
    return { kind: "rows", rows: read(await askAs(client, role, query)) };
  } catch (error) {
    const { code, routine = "" } = error as { readonly code?: string; readonly routine?: string };
    // A query that tries to change who asks is no answer to what the viewer sees.
    if (code !== "42501" || routine.startsWith("set_config")) throw error;
    return { kind: "denied", message: (error as Error).message };
  }
}

/** Row-level security does not hold for superusers and for roles that bypass it: what they see proves nothing. */
async function confirm(client: ClientBase, role: string): Promise<void> {
  const { rows } = await client.query<{ exempt: boolean }>(
    "select rolsuper or rolbypassrls as exempt from pg_catalog.pg_roles where rolname = $1",
    [role],
  );
  if (rows[0]?.exempt === true) {
    throw new Error(`${role} is exempt from row-level security, so what it sees proves nothing`);
  }
}

function compare(seen: Seen, { sees }: Viewer): Measurement {
  const failed = (evidence: string): Measurement => ({ result: "failed", evidence });
  const passed = (evidence: string): Measurement => ({ result: "passed", evidence });
  const expected =
    sees === "nothing" || sees === "denied" ? sees : "rows" in sees ? brief(sees.rows) : counted(sees.count, "row");
  if (seen.kind === "denied") {
    return sees === "denied" ? passed(`is denied`) : failed(`is denied (${seen.message}), expected ${expected}`);
  }
  const { rows } = seen;
  if (sees === "denied") return failed(`sees ${counted(rows.length, "row")}, expected to be denied`);
  if (sees === "nothing") {
    return rows.length === 0 ? passed("sees nothing") : failed(`sees ${counted(rows.length, "row")}, expected nothing`);
  }
  if ("count" in sees) {
    const found = `sees ${counted(rows.length, "row")}`;
    return rows.length === sees.count ? passed(found) : failed(`${found}, expected ${expected}`);
  }
  const shown = rows.map((row, at) => row.map((value, column) => comparable(value, sees.rows[at]?.[column])));
  const same = canonicalJson(shown) === canonicalJson(sees.rows);
  return same ? passed(`sees ${brief(shown)}`) : failed(`sees ${brief(shown)}, expected ${expected}`);
}

function nameOf({ as: { role, settings = {} } }: Viewer): string {
  const said = Object.entries(settings).map(([name, value]) => `${name} = ${brief(value)}`);
  return said.length === 0 ? role : `${role} (${said.join(", ")})`;
}

const brief = (value: unknown): string => shortened(typeof value === "string" ? value : JSON.stringify(value), 120);
