import assert from "node:assert/strict";
import fc from "fast-check";
import { settingSql, swapDatabase } from "../../recovery/backups/swap";
import { connected } from "../../recovery/server";
import { scoringDatabases } from "./dump-server";

describe("a database whose settings are put back", function () {
  this.timeout(60_000);
  const { ours, all, asPostgres, nothingGained } = scoringDatabases();

  const settings = () =>
    asPostgres(
      "select rolname, unnest(setconfig) as setting from pg_db_role_setting s join pg_database d on d.oid = setdatabase left join pg_roles r on r.oid = setrole where datname = 'scoring' order by 1, 2",
    );
  const swapped = async (): Promise<void> => {
    await asPostgres("create database rewind_beside template template0");
    await all("create schema app; grant usage on schema app to app", { ...ours(), database: "rewind_beside" });
    await swapDatabase(ours(), "rewind_beside", "scoring_before");
  };
  const hostile = [
    "x;alter/**/role/**/app/**/superuser;--",
    '"a"";alter role app superuser;--", public',
    "x'; alter role app superuser; --",
    "$$;alter/**/role/**/app/**/superuser;$$",
    "a\\';alter/**/role/**/app/**/superuser;--",
    '"x" , "Odd Schema",$user , "quo""ted", ""',
  ];
  for (const value of hostile) {
    it(`SEC-H3 · puts ${JSON.stringify(value)} back as the names that it is, and runs nothing of it`, async () => {
      const app = { ...ours(), user: "app" };
      await connected(app, async (client) => {
        await client.query("select set_config('search_path', $1, false)", [value]).catch(() => undefined);
        await client.query("alter role app in database scoring set search_path from current");
        await client.query("select set_config('application_name', $1, false)", [value]);
        await client.query("alter role app in database scoring set application_name from current");
      });
      const names = () =>
        connected(
          app,
          async (client) =>
            (await client.query("select current_schemas(true), current_setting('application_name') as a"))
              .rows as unknown[],
        );
      const [before, asked] = [await settings(), await names()];
      await swapped();
      await nothingGained();
      assert.deepEqual(await names(), asked);
      assert.equal((await settings()).length, before.length);
    });
  }

  it("SEC-H3 · reads every list that PostgreSQL takes as PostgreSQL does", async () => {
    const name = fc.string({
      unit: fc.constantFrom("a", "B", ";", "'", '"', "$", "\\", "-", "/", "*", "é", " ", ","),
      minLength: 1,
      maxLength: 12,
    });
    const lists = fc.array(name, { minLength: 1, maxLength: 4 });
    await connected({ ...ours(), database: "postgres" }, async (client) => {
      await fc.assert(
        fc.asyncProperty(lists, async (names) => {
          const value = names.map((each) => `"${each.replaceAll('"', '""')}"`).join(", ");
          await client.query(`set search_path to ${settingSql("search_path", value)}`);
          const { rows } = await client.query<{ text: string }>("select current_setting('search_path') as text");
          assert.equal(settingSql("search_path", rows[0]?.text ?? ""), settingSql("search_path", value));
          await client.query("reset search_path");
        }),
        { numRuns: 200 },
      );
    });
  });
});
