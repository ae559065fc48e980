import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { escapeIdentifier, escapeLiteral, type Client } from "pg";
import { restoreBeside } from "../../recovery/backups/beside";
import { dumpDatabase, type Held } from "../../recovery/backups/dump";
import { dropDatabase, swapDatabase } from "../../recovery/backups/swap";
import { environment, run } from "../../recovery/programs";
import { isReadable, readBackup } from "../../recovery/backups/read";
import { problemsOf } from "../../recovery/backups/verify";
import { writeBackup } from "../../recovery/backups/write";
import { connected, type Server } from "../../recovery/server";
import { fixtureFor, type Fixture } from "./fixture";

/** How many databases are made. Two hundred take minutes: REWIND_DATABASES=200, and REWIND_SEED replays. */
const count = Number(process.env.REWIND_DATABASES ?? 8);
const seed = Number(process.env.REWIND_SEED ?? Math.floor(Math.random() * 1e9));

/** Types of columns, each with expressions that make its values, odd ones among them. */
const types: Readonly<Record<string, readonly string[]>> = {
  bigint: ["9223372036854775807", "-1", "null"],
  numeric: ["0.10000000000000000001", "'NaN'", "1e50", "null"],
  "double precision": ["0.1", "'Infinity'", "-0.0"],
  text: ["''", "'a\\b'", "E'tab\\tline\\nquote '' \\\\'", "'é 漢字 🙂'", "repeat('x', 9000)", "null"],
  json: ['\'{"b": 1,  "a": [1, null]}\'', "'null'"],
  jsonb: ["'{\"a\": 12345678901234567890.5}'", "'[]'"],
  timestamptz: ["'2025-09-17T19:54:16.123456Z'", "'infinity'", "null"],
  bytea: ["'\\x00ff0a5c'", "''"],
  boolean: ["true", "false", "null"],
  "text[]": ["array['a', null, 'b,\"c\"']", "'{}'"],
  uuid: ["'00000000-0000-0000-0000-0000000000ff'"],
  inet: ["'::1'", "'10.0.0.0/8'"],
};
const name = fc.constantFrom("plain", "Mixed Case", 'quo"ted', "sp ace", "select", "ünï");
const table = fc.record({
  name,
  schema: fc.constantFrom("public", "app", "Odd Schema"),
  columns: fc.array(fc.constantFrom(...Object.keys(types)), { minLength: 1, maxLength: 5 }),
  rows: fc.integer({ min: 0, max: 40 }),
  kind: fc.constantFrom("plain", "partitioned", "unlogged"),
  pick: fc.infiniteStream(fc.nat(100)),
});
type Table = typeof table extends fc.Arbitrary<infer T> ? T : never;
const database = fc.uniqueArray(table, {
  minLength: 1,
  maxLength: 4,
  selector: (each) => `${each.schema}.${each.name}`,
});

describe("L8 · generated databases", function () {
  let server: Server;
  let programs: string | undefined;
  const folder = mkdtempSync(join(tmpdir(), "rewind-databases-"));
  before(async function () {
    const stack: Fixture = await fixtureFor(this);
    const { host, port, user, password, recovery } = stack.environment.postgres;
    // Where PostgreSQL comes from an npm package there is no pg_dump.
    if (recovery === undefined) return this.skip();
    programs = recovery.programs;
    server = { host, port, user, password, database: "rewind_generated", sslmode: "disable" };
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await dropDatabase(server, server.database);
  });

  const emptied = async (): Promise<void> => {
    await dropDatabase(server, server.database);
    await connected({ ...server, database: "postgres" }, (client) =>
      client.query(`create database ${server.database} template template0`),
    );
  };

  async function fill(client: Client, tables: readonly Table[]): Promise<void> {
    await client.query('create schema app; create schema "Odd Schema"; create extension if not exists hstore');
    for (const { name, schema, columns, rows, kind, pick } of tables) {
      const full = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
      const defined = columns.map((type, at) => `${escapeIdentifier(`c ${at}`)} ${type}`).join(", ");
      const isParted = kind === "partitioned";
      // Older versions have no identity columns in partitions.
      const counted = isParted ? "" : "counted int generated always as identity,";
      await client.query(
        `create ${kind === "unlogged" ? "unlogged" : ""} table ${full} (id int primary key, ${counted}
         twice int generated always as (id * 2) stored, ${defined}) ${isParted ? "partition by range (id)" : ""}`,
      );
      if (isParted) {
        const part = (end: string) => `${escapeIdentifier(schema)}.${escapeIdentifier(`${name} ${end}`)}`;
        await client.query(`create table ${part("low")} partition of ${full} for values from (minvalue) to (20)`);
        await client.query(`create table ${part("high")} partition of ${full} for values from (20) to (maxvalue)`);
      }
      for (let row = 0; row < rows; row += 1) {
        const values = columns.map((type) => {
          const all = types[type] ?? ["null"];
          return all[(pick.next().value ?? 0) % all.length];
        });
        const list = columns.map((_, at) => escapeIdentifier(`c ${at}`)).join(", ");
        await client.query(`insert into ${full} (id, ${list}) values (${row}, ${values.join(", ")})`);
      }
      await client.query(`comment on table ${full} is ${escapeLiteral(`it's ${name}`)}`);
    }
  }

  /** Of every table how many rows and what they hash to, and where each sequence stands. */
  async function digests(of: Server): Promise<unknown> {
    return connected(of, async (client) => {
      const { rows } = await client.query<{ name: string; kind: string }>(
        `select format('%I.%I', nspname, relname) as name, relkind as kind from pg_class c join pg_namespace n on n.oid = relnamespace
         where relkind in ('r', 'S') and nspname !~ '^pg_' and nspname <> 'information_schema' order by 1`,
      );
      const all: [string, unknown][] = [];
      for (const { name, kind } of rows) {
        const what =
          kind === "S" ? "last_value, is_called" : "count(*), md5(string_agg(t::text, '|' order by t::text)) as sum";
        const { rows: found } = await client.query(`select ${what} from ${name} t`);
        all.push([name, found[0]]);
      }
      return all;
    });
  }

  const schemaOf = async (of: Server): Promise<string> =>
    (
      await run(
        join(programs ?? "", "pg_dump"),
        [...["--schema-only", "--host", of.host, "--port", String(of.port)], ...["--username", of.user, of.database]],
        { env: environment({ PGPASSWORD: of.password }) },
      )
    ).replace(/^\\(?:un)?restrict .*$/gm, "");

  it(`L8 · ${count} of them (REWIND_SEED=${seed}) are backed up, restored where nothing is, and every row is the same`, async function () {
    this.timeout(count * 30_000);
    await fc.assert(
      fc.asyncProperty(database, async (tables) => {
        await emptied();
        await connected(server, (client) => fill(client, tables));
        const before = { digests: await digests(server), schema: await schemaOf(server) };
        const { place } = await writeBackup(
          folder,
          { stack: "generated", at: new Date().toISOString(), occasion: "request" },
          async (staging) => {
            const held = await dumpDatabase({ server, programs }, (dump) => staging.add("database/all.dump", dump));
            return { name: server.database, ...held };
          },
        );
        const backup = readBackup(place);
        assert.ok(isReadable(backup));
        assert.deepEqual(problemsOf(backup), []);
        await emptied();
        const held = backup.manifest?.database as Held;
        const how = { held, proven: true };
        const { database: beside } = await restoreBeside({ server, programs }, join(place, "database/all.dump"), how);
        await swapDatabase(server, beside, "rewind_generated_before");
        await dropDatabase(server, "rewind_generated_before");
        assert.deepEqual({ digests: await digests(server), schema: await schemaOf(server) }, before);
        rmSync(place, { recursive: true });
      }),
      { numRuns: count, seed },
    );
    assert.deepEqual(readdirSync(folder), []);
  });

  it("a dump that holds other rows than were counted is refused, and nothing of it stays", async () => {
    await emptied();
    await connected(server, (client) => client.query("create table t as select generate_series(1, 9) as n"));
    const { place } = await writeBackup(
      folder,
      { stack: "generated", at: new Date().toISOString(), occasion: "request" },
      async (staging) => {
        const held = await dumpDatabase({ server, programs }, (dump) => staging.add("database/all.dump", dump));
        return { name: server.database, ...held };
      },
    );
    const dump = join(place, "database/all.dump");
    await assert.rejects(
      restoreBeside({ server, programs }, dump, { held: { rows: { "public.t": 10, "public.u": 1 } }, proven: true }),
      /public\.t has 9 rows, not 10; public\.u has no rows, not 1/,
    );
    const left = await connected(server, (client) =>
      client.query("select from pg_database where datname like 'rewind_scratch%'"),
    );
    assert.equal(left.rowCount, 0);
  });

  it("rights and settings of a database stay with its name, and whoever comes while it is replaced waits", async () => {
    await emptied();
    const own = { ...server, database: "postgres" };
    await connected(own, async (client) => {
      await client.query(`revoke all on database ${server.database} from public`);
      await client.query(`grant connect on database ${server.database} to pg_monitor`);
      await client.query(`alter database ${server.database} set search_path to app, "Odd Schema"`);
      await client.query(`alter database ${server.database} set work_mem to '7MB'`);
    });
    const facts = () =>
      connected(own, async (client) => {
        const { rows } = await client.query<{ acl: string; config: string[] }>(
          `select (select string_agg(x::text, ',' order by x::text) from unnest(datacl) x) as acl, setconfig as config
           from pg_database d left join pg_db_role_setting on setdatabase = d.oid where datname = $1`,
          [server.database],
        );
        return rows.map(({ acl, config }) => ({ acl, config: [...config].sort() }));
      });
    const before = await facts();
    const rows = await connected(server, async (client) => {
      await client.query("create table public.t (n int)");
      return { "public.t": 0 };
    });
    const { place } = await writeBackup(
      folder,
      { stack: "generated", at: new Date().toISOString(), occasion: "request" },
      async (staging) => {
        await dumpDatabase({ server, programs }, (dump) => staging.add("database/all.dump", dump));
        return { name: server.database, rows };
      },
    );
    const how = { held: { rows }, proven: true };
    const { database: beside } = await restoreBeside({ server, programs }, join(place, "database/all.dump"), how);
    let [asked, failed] = [0, 0];
    const ended = { yet: false };
    const asking = (async () => {
      while (!ended.yet) {
        asked += 1;
        await connected(server, (client) => client.query("select from public.t")).catch(() => (failed += 1));
      }
    })();
    await swapDatabase(server, beside, "rewind_generated_before");
    ended.yet = true;
    await asking;
    await dropDatabase(server, "rewind_generated_before");
    assert.deepEqual(await facts(), before);
    assert.ok(asked > failed, `${asked} asked, ${failed} were sent away`);
  });
});
