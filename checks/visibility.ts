import { escapeIdentifier, type ClientBase, type Pool } from "pg";
import { canonicalJson } from "../release/canonical";
import { results } from "../release/verdict";
import type { Viewer, Visibility } from "../release/schema/visibility";
import { describeError, type Measurement } from "./probe";
import { comparable } from "./sql";

const mostRows = 1_000;

/**
 * What each viewer sees of a query, compared with what it is to see. Every viewer asks in a transaction of its own that
 * can only read and is rolled back, under its role and its settings. Seeing nothing, being denied and an error are three
 * things: a policy that hides rows, a privilege that is missing, and a check that measured nothing.
 */
export async function measureVisibility(pool: Pool, definition: Visibility, timeout: number): Promise<Measurement> {
  const client = await pool.connect();
  let broken = false;
  try {
    const told: Measurement[] = [];
    for (const viewer of definition.viewers) {
      told.push(
        await asViewer(client, viewer, timeout, async () => compare(await ask(client, definition.query), viewer)).catch(
          (error: unknown): Measurement => ({ result: "error", evidence: describeError(error) }),
        ),
      );
      // Whatever happened, nobody else is to ask on a connection that still has a role on it.
      await client.query("rollback");
    }
    const worst = Math.max(...told.map(({ result }) => results.indexOf(result)));
    const lines = told.map(({ result, evidence }, index) => {
      const viewer = definition.viewers[index];
      return `${viewer === undefined ? "" : nameOf(viewer)} ${evidence}${result === "passed" ? "" : ` (${result})`}`;
    });
    return { result: results[worst] ?? "inconclusive", evidence: lines.join("; ") };
  } catch (error) {
    broken = true;
    throw error;
  } finally {
    client.release(broken);
  }
}

type Seen =
  | { readonly kind: "rows"; readonly rows: readonly (readonly unknown[])[] }
  | { readonly kind: "denied"; readonly message: string };

/** Begins the viewer's transaction and makes sure that it is the viewer who asks. */
async function asViewer<T>(client: ClientBase, viewer: Viewer, timeout: number, work: () => Promise<T>): Promise<T> {
  const { role, settings = {} } = viewer.as;
  await client.query("begin transaction read only");
  await client.query(`set local statement_timeout = ${Math.ceil(timeout)}`);
  await client.query("set local row_security = on");
  for (const [name, value] of Object.entries(settings)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    await client.query("select set_config($1, $2, true)", [name, text]);
  }
  await client.query(`set local role ${escapeIdentifier(role)}`).catch((error: unknown) => {
    throw new Error(`cannot ask as ${role}: ${describeError(error)}`);
  });
  await confirm(client, role);
  const result = await work();
  return result;
}

/** Row-level security does not hold for superusers and for roles that bypass it: what they see proves nothing. */
async function confirm(client: ClientBase, role: string): Promise<void> {
  const { rows } = await client.query<{ role: string; exempt: boolean }>(
    "select current_user::text as role, rolsuper or rolbypassrls as exempt from pg_catalog.pg_roles where rolname = current_user",
  );
  const [row] = rows;
  if (row?.role !== role) throw new Error(`asked as ${row?.role ?? "nobody"} instead of ${role}`);
  if (row.exempt) throw new Error(`${role} is exempt from row-level security, so what it sees proves nothing`);
}

/** The rows of one statement; more than one is refused by the protocol in which it is sent. */
async function ask(client: ClientBase, query: string): Promise<Seen> {
  try {
    const before = await client.query<{ role: string }>("select current_user::text as role");
    const { rows, fields } = await client.query<unknown[]>({
      text: query,
      rowMode: "array",
      queryMode: "extended",
    } as { text: string; rowMode: "array" });
    if (fields.length === 0) throw new Error("the query returns no columns, so it shows nothing");
    if (rows.length > mostRows) throw new Error(`${rows.length} rows; at most ${mostRows}`);
    const after = await client.query<{ role: string }>("select current_user::text as role");
    if (after.rows[0]?.role !== before.rows[0]?.role) throw new Error("the query itself changed who asks");
    return { kind: "rows", rows };
  } catch (error) {
    if ((error as { code?: string }).code !== "42501") throw error;
    return { kind: "denied", message: (error as Error).message };
  }
}

function compare(seen: Seen, { sees }: Viewer): Measurement {
  const failed = (evidence: string): Measurement => ({ result: "failed", evidence });
  const passed = (evidence: string): Measurement => ({ result: "passed", evidence });
  const expected =
    sees === "nothing" || sees === "denied" ? sees : "rows" in sees ? brief(sees.rows) : `${sees.count} rows`;
  if (seen.kind === "denied") {
    return sees === "denied" ? passed(`is denied`) : failed(`is denied (${seen.message}), expected ${expected}`);
  }
  const { rows } = seen;
  if (sees === "denied") return failed(`sees ${rows.length} rows, expected to be denied`);
  if (sees === "nothing") {
    return rows.length === 0 ? passed("sees nothing") : failed(`sees ${rows.length} rows, expected nothing`);
  }
  if ("count" in sees) {
    const found = `sees ${rows.length} rows`;
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

function brief(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
