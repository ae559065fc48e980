import { Client, DatabaseError } from "pg";
import { sslFor } from "../checks/tls";
import type { Environment } from "../release/schema/environment";
import { poolerAt } from "../rows/pooler";
import type { Finding } from "./look";

class PasswordAsked extends Error {}

const direct = "put the host and port of the database itself into the stack file";
// The postgresql plugin sends the parameter to poolers and servers alike.
const pgbouncer = `set pool_mode = session and ignore_startup_parameters = extra_float_digits in pgbouncer.ini, or ${direct}`;

/**
 * Whether a pooler answers at the address of the database, asked without a password: a pooler refuses a startup parameter
 * that it does not keep track of, and PostgreSQL asks who is there. In which mode it is, the gate before a change tells.
 */
export async function measurePooler(database: NonNullable<Environment["database"]>): Promise<Finding> {
  const { host, port, name, administrator, sslmode } = database;
  const at = `${host}:${port}`;
  const known = poolerAt(host, port);
  if (known?.mode === "transaction") {
    const evidence = `${at} is ${known.name}, which shares server processes between clients: no change can be made there`;
    return { result: "failed", evidence, next: known.remedy };
  }
  if (known?.mode === "session") return { result: "passed", evidence: `${at} is ${known.name} in session mode` };
  const client = new Client({
    host,
    port,
    user: administrator.user,
    database: name,
    ssl: sslFor(sslmode),
    connectionTimeoutMillis: 2_000,
    application_name: "rewind doctor",
    statement_timeout: 2_000,
    password: () => {
      throw new PasswordAsked();
    },
  });
  client.on("error", () => undefined);
  const error = await client.connect().then(
    () => undefined,
    (reason: unknown) => (reason instanceof Error ? reason : new Error(String(reason))),
  );
  await client.end().catch(() => undefined);
  if (error !== undefined && /unsupported startup parameter/i.test(error.message)) {
    const evidence = `${at} is ${known?.name ?? "a pooler"}; Rewind works with it in session mode only`;
    return { result: "inconclusive", evidence, next: known?.remedy ?? pgbouncer };
  }
  if (error === undefined || error instanceof PasswordAsked || error instanceof DatabaseError) {
    return { result: "passed", evidence: `no pooler is seen at ${at}` };
  }
  return {
    result: "inconclusive",
    evidence: `${at} does not answer: ${error.message}`,
    next: `look at the server, and at the way to ${at}`,
  };
}
