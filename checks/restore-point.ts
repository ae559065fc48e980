import type { Clients } from "./clients";

/** The name of the restore point of an entry of the deployment log. */
export const restorePointOf = (entry: string): string => `rewind-${entry}`;

/**
 * Sets a named restore point in the database's write-ahead log and has the segment that holds it archived.
 * @returns its name, or undefined where the server does not allow it or is not there: recovery then goes by time
 */
export async function setRestorePoint(clients: Clients, entry: string): Promise<string | undefined> {
  const name = restorePointOf(entry);
  try {
    await clients.database().query("select pg_create_restore_point($1)", [name]);
  } catch {
    return undefined;
  }
  // Without the switch the point would wait in a segment that is archived when it is full.
  await clients
    .database()
    .query("select pg_switch_wal()")
    .catch(() => undefined);
  return name;
}
