import type pg from "pg";
import type { ProfileScores, Stamp } from "./engine";

export interface Profile extends Stamp {
  id: string;
  session_id: string;
  scores: ProfileScores;
  created_at: Date;
}

/** Stores a profile and returns it; finalizing again with the same versions replaces the scores, not the profile. */
export async function storeProfile(
  pool: pg.Pool,
  sessionId: string,
  stamp: Stamp,
  scores: ProfileScores,
): Promise<Profile> {
  const { rows } = await pool.query<Profile>(
    `INSERT INTO profiles (session_id, results_version, version, scores) VALUES ($1, $2, $3, $4)
     ON CONFLICT (session_id, results_version, version) DO UPDATE SET scores = excluded.scores, created_at = now()
     RETURNING id, session_id, results_version, version, scores, created_at`,
    [sessionId, stamp.results_version, stamp.version, JSON.stringify(scores)],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("the profile was not stored");
  return row;
}

/** The session's newest profile. */
export async function loadProfile(pool: pg.Pool, sessionId: string): Promise<Profile | undefined> {
  const { rows } = await pool.query<Profile>(
    `SELECT id, session_id, results_version, version, scores, created_at
     FROM profiles WHERE session_id = $1 ORDER BY created_at DESC LIMIT 1`,
    [sessionId],
  );
  return rows[0];
}
