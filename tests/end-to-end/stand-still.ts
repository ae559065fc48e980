import { Client } from "pg";
import type { Fixture } from "./fixture";

/** Makes the next verification stand still at what it reads of the notes, until it is let go on. */
export async function standStill(
  stack: Pick<Fixture, "environment" | "query">,
): Promise<{ reached: () => Promise<void>; goOn: () => Promise<void> }> {
  const { host, port, user, password } = stack.environment.postgres;
  const client = new Client({ host, port, user, password, database: "scoring" });
  await client.connect();
  await client.query("begin; lock table app.memberships in access exclusive mode");
  return {
    reached: async () => {
      // A check is asked inside a function, so the server does not say which query it is.
      const waiting = "select 1 from pg_locks where not granted and relation = 'app.memberships'::regclass";
      while ((await stack.query(waiting)).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    },
    goOn: () => client.end(),
  };
}
