import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { escapeIdentifier, escapeLiteral } from "pg";
import { connected, type Server } from "../server";
import { maintenance, oneStatement } from "./swap";

/** How long a role may log in that nobody dropped. */
const day = 24 * 3_600_000;

/**
 * Makes a role that has nothing: no rights on the cluster, no memberships, no objects. What a dump runs, it runs as this
 * role. Its password is in memory alone; the server gets what a password is compared with.
 * @returns the server as this role reaches it
 */
export async function makeScratchRole(server: Server, name: string): Promise<Server> {
  const password = randomBytes(24).toString("base64url");
  const role = escapeIdentifier(name);
  await connected(maintenance(server), async (client) => {
    const until = escapeLiteral(new Date(Date.now() + day).toISOString());
    const rights = "login nosuperuser nocreatedb nocreaterole noreplication nobypassrls";
    await client.query(
      oneStatement(
        `create role ${role} ${rights} password ${escapeLiteral(verifierOf(password))} valid until ${until}`,
      ),
    );
    await client.query(oneStatement(`alter role ${role} set row_security to on`));
    // An administrator that is no superuser makes databases for roles that it is a member of.
    await client.query(oneStatement(`grant ${role} to current_user`));
  });
  return { ...server, user: name, password };
}

/** Drops such a role. What it owned is gone by then, or has other owners. */
export async function dropScratchRole(server: Server, name: string): Promise<void> {
  await connected(maintenance(server), async (client) => {
    const { rowCount } = await client.query("select from pg_roles where rolname = $1", [name]);
    if (rowCount === 0) return;
    const role = escapeIdentifier(name);
    await client.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", [name]);
    // Its rights on what all databases share, such as tablespaces.
    await client.query(oneStatement(`drop owned by ${role}`));
    await client.query(oneStatement(`drop role ${role}`));
  });
}

/** What a server compares a password with, so that the password itself stands in no log of it. */
function verifierOf(password: string): string {
  const [salt, rounds] = [randomBytes(16), 4_096];
  const salted = pbkdf2Sync(password, salt, rounds, 32, "sha256");
  const keyed = (text: string): Buffer => createHmac("sha256", salted).update(text).digest();
  const stored = createHash("sha256").update(keyed("Client Key")).digest("base64");
  return `SCRAM-SHA-256$${rounds}:${salt.toString("base64")}$${stored}:${keyed("Server Key").toString("base64")}`;
}
