import { Pool } from "pg";
import { openClients } from "../../checks/clients";
import { measureQuery } from "../../checks/sql";
import type { Settings } from "../../release/parse";

/**
 * A process of its own that asks a query as role `teller` in two ways, through the pool of a stack's checks and through one
 * that sets nothing, and writes both measurements: `sql-asker.ts PORT QUERY EXPECTED`.
 */
async function main([port = "", query = "", expected = ""]: readonly string[]): Promise<void> {
  const rows = JSON.parse(expected) as unknown[][];
  const where = { host: "127.0.0.1", port: Number(port) };
  const database = { ...where, name: "postgres", administrator: { user: "teller", password: "none" } };
  const clients = openClients({ database } as unknown as Settings["environment"], { none: "" });
  const bare = new Pool({ ...where, database: "postgres", user: "teller" });
  const asked = [clients.database(), bare].map((pool) => measureQuery(pool, query, rows, 10_000));
  process.stdout.write(JSON.stringify(await Promise.all(asked)));
  await Promise.all([clients.close(), bare.end()]);
}

void main(process.argv.slice(2));
