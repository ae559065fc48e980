import type pg from "pg";
import type { PerDomain, Response } from "./engine";
import { Refusal } from "./refusal";

/** Makes a session and returns its id. */
export async function createSession(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ id: string }>("INSERT INTO sessions DEFAULT VALUES RETURNING id");
  const [row] = rows;
  if (row === undefined) throw new Error("the session was not stored");
  return row.id;
}

/** Throws a Refusal (404) when there is no such session. */
export async function requireSession(pool: pg.Pool, sessionId: string): Promise<void> {
  const { rowCount } = await pool.query("SELECT FROM sessions WHERE id = $1", [sessionId]);
  if (rowCount === 0) throw new Refusal(404, "no_session", "there is no such session");
}

/** Stores answers; an item that was answered before takes the new value. */
export async function storeResponses(pool: pg.Pool, sessionId: string, responses: readonly Response[]): Promise<void> {
  await pool.query(
    `INSERT INTO responses (session_id, item, value)
     SELECT $1, item, value FROM unnest($2::text[], $3::smallint[]) AS given (item, value)
     ON CONFLICT (session_id, item) DO UPDATE SET value = excluded.value`,
    [sessionId, responses.map(({ item }) => item), responses.map(({ value }) => value)],
  );
}

/** The session's answers of one kind; throws a Refusal when there is no such session (404) or no answer (422). */
export async function loadResponses(pool: pg.Pool, sessionId: string, kind: "prism" | "fc"): Promise<Response[]> {
  await requireSession(pool, sessionId);
  const { rows } = await pool.query<Response>(
    "SELECT item, value FROM responses WHERE session_id = $1 AND item LIKE $2 ORDER BY item",
    [sessionId, `${kind}.%`],
  );
  if (rows.length === 0) throw new Refusal(422, "no_responses", `the session has no ${kind} response to score`);
  return rows;
}

/** Stores the scores of one kind, in place of earlier ones that the same version made. */
export async function storeScores(
  pool: pg.Pool,
  kind: "prism" | "fc",
  sessionId: string,
  version: string,
  scores: PerDomain,
): Promise<void> {
  await pool.query(
    `INSERT INTO ${kind}_scores (session_id, version, scores) VALUES ($1, $2, $3)
     ON CONFLICT (session_id, version) DO UPDATE SET scores = excluded.scores, created_at = now()`,
    [sessionId, version, JSON.stringify(scores)],
  );
}

/** The newest scores of one kind, whichever version made them: functions are pinned apart from each other. */
export async function loadScores(
  pool: pg.Pool,
  kind: "prism" | "fc",
  sessionId: string,
): Promise<PerDomain | undefined> {
  const { rows } = await pool.query<{ scores: PerDomain }>(
    `SELECT scores FROM ${kind}_scores WHERE session_id = $1 ORDER BY created_at DESC LIMIT 1`,
    [sessionId],
  );
  return rows[0]?.scores;
}
