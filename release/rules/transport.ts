import type { Settings } from "../parse";
import { isThisMachine } from "../primitives";
import type { Problem } from "../problems";
import { problem } from "./rule";

/**
 * In production a database proves who it is before it is told the administrator's password: the way there may lead by
 * others. Where it cannot, the stack file says why.
 */
export function productionProvesItsDatabase({
  environment: { kind, database },
}: Pick<Settings, "environment">): Problem[] {
  if (kind !== "production" || database === undefined || database.unproved !== undefined) return [];
  const { sslmode = "nothing", host } = database;
  if (sslmode === "verify-full" || isThisMachine(host)) return [];
  return [
    problem(
      ["environment", "database", "sslmode"],
      `expected verify-full in production, got ${sslmode}: anybody on the way could answer and be told the administrator's password; PGSSLROOTCERT names the authority, or say unproved: { reason: … }`,
    ),
  ];
}

/** In production nobody on the way reads or changes what a store is sent, or the stack file says why they could. */
export function productionEncryptsItsStore({
  environment: { kind, objectStore },
}: Pick<Settings, "environment">): Problem[] {
  const endpoint = objectStore?.endpoint;
  if (kind !== "production" || endpoint === undefined || objectStore?.unproved !== undefined) return [];
  const { protocol, hostname } = new URL(endpoint);
  if (protocol !== "http:" || isThisMachine(hostname)) return [];
  return [
    problem(
      ["environment", "objectStore", "endpoint"],
      "expected https in production: anybody on the way could read and change what goes by; or say unproved: { reason: … }",
    ),
  ];
}
