import { readFileSync } from "node:fs";

/**
 * The TLS setting of a driver for one of libpq's names: `require` encrypts, `verify-full` also proves who answers, to an
 * authority that Node knows or to those in the file that PGSSLROOTCERT names, as every client of PostgreSQL has it.
 * @throws Error when there is no such file
 */
export function sslFor(
  mode: "disable" | "require" | "verify-full" | undefined,
  authorities: string | undefined = process.env.PGSSLROOTCERT,
): false | { rejectUnauthorized: boolean; ca?: string } {
  if (mode === undefined || mode === "disable") return false;
  if (mode === "require") return { rejectUnauthorized: false };
  return { rejectUnauthorized: true, ...(authorities ? { ca: readFileSync(authorities, "utf8") } : {}) };
}
