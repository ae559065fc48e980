import assert from "node:assert/strict";
import { poolerAt, SharedSessions } from "../../rows/pooler";
import { connect, exactTexts, onlyReading, poolOf, settingsSql } from "../../rows/session";
import { standInServer, type Answers, type StandIn } from "./stand-in-server";

describe("a session", () => {
  let server: StandIn | undefined;
  const start = async (answers?: Answers) => {
    server = await standInServer(answers);
    const { port } = server;
    return { server, config: { host: "127.0.0.1", port, user: "rewind", password: "x", database: "app" } };
  };
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });
  /** What was said to a server, without the search path that every session gets. */
  const saidTo = (server: StandIn): string[] =>
    server.statements.map(({ text }) => text.replace(/; select pg_catalog\.set_config\('rewind\.given_path'[^]*$/, ""));
  const anonymous = (n: number) => 900_000 + n;

  it("is settled by statements, and by no startup parameter that a pooler refuses", async () => {
    const { server, config } = await start();
    const client = await connect(config, { ...exactTexts, ...onlyReading, statement_timeout: "30s" });
    await client.end();
    assert.deepEqual(Object.keys(server.startups[0]!).sort(), ["client_encoding", "database", "user"]);
    assert.equal(server.startups.length, 1, "a server that tells its own process needs no second connection");
    assert.deepEqual(saidTo(server), [
      "select pg_backend_pid() as pid",
      settingsSql({ ...exactTexts, ...onlyReading, statement_timeout: "30s" }),
    ]);
    assert.match(server.statements[1]!.text, /set "timezone" = 'UTC'; set "datestyle" = 'ISO', 'YMD'; /);
  });

  it("of a pool is settled before it is handed out", async () => {
    const { server, config } = await start();
    const pool = poolOf(config, onlyReading);
    await pool.query("first");
    await pool.query("second");
    await pool.end();
    assert.deepEqual(saidTo(server), [
      "select pg_backend_pid() as pid",
      `set "default_transaction_read_only" = 'on'`,
      "first",
      "second",
    ]);
  });

  it("works through a pooler that gives each client a process of its own", async () => {
    const { server, config } = await start({ told: anonymous, refuses: ["options", "statement_timeout"] });
    const client = await connect(config, onlyReading);
    await client.end();
    assert.equal(saidTo(server).at(-1), settingsSql(onlyReading));
  });

  it("is refused by a name, with nothing set, where a second client has the same process", async () => {
    const { server, config } = await start({ told: anonymous, serving: () => 7 });
    await assert.rejects(connect(config, onlyReading), (error: Error) => {
      assert.ok(error instanceof SharedSessions);
      assert.match(error.message, /^127\.0\.0\.1:\d+ is a pooler .*transaction mode.*; connect to the database itself/);
      return true;
    });
    await assert.rejects(poolOf(config, onlyReading).query("update t set a = 1"), SharedSessions);
    assert.ok(server.statements.every(({ text }) => text.startsWith("select pg_backend_pid()")));
  });

  it("is refused where its statements reach one process after the other", async () => {
    let asked = 0;
    const { server, config } = await start({ told: anonymous, serving: () => (asked += 1) });
    await assert.rejects(connect(config, onlyReading), SharedSessions);
    assert.ok(server.statements.every(({ text }) => text.startsWith("select pg_backend_pid()")));
  });

  it("is refused where another client holds the process only now and then", async () => {
    // The second session finds the first one's process free in the third round alone.
    const { config } = await start({ told: anonymous, serving: (n) => (n === 4 ? 1 : n) });
    await assert.rejects(connect(config, onlyReading), SharedSessions);
  });

  it("says so where a pooler lets no second client in", async () => {
    const { server, config } = await start({ told: (n) => (n === 1 ? anonymous(n) : n), hangs: /never/ });
    const other = await standInServer({ told: anonymous, hangs: /pg_backend_pid/ });
    try {
      await assert.rejects(
        connect({ ...config, port: other.port, connectionTimeoutMillis: 50 }),
        /timeout/,
        "the first that gets no answer waits no longer than for a connection",
      );
    } finally {
      await other.close();
    }
    assert.equal(server.startups.length, 0);
  });
});

describe("the address of a service's pooler", () => {
  const modes: [host: string, port: number, mode: string | undefined][] = [
    ["aws-0-eu-central-1.pooler.supabase.com", 6543, "transaction"],
    ["aws-0-eu-central-1.pooler.supabase.com", 5432, "session"],
    ["db.abcdefghijklmnop.supabase.co", 6543, "transaction"],
    ["ep-cool-darkness-123456-pooler.us-east-2.aws.neon.tech", 5432, "transaction"],
    ["EP-cool-darkness-123456-POOLER.us-east-2.aws.neon.tech", 5432, "transaction"],
    ["app.proxy-abc123.eu-west-1.rds.amazonaws.com", 5432, "transaction"],
    ["reader.endpoint.proxy-abc123.eu-west-1.rds.amazonaws.com", 5432, "transaction"],
    ["app.postgres.database.azure.com", 6432, "either"],
    // The databases themselves, and names that only look alike.
    ["db.abcdefghijklmnop.supabase.co", 5432, undefined],
    ["ep-cool-darkness-123456.us-east-2.aws.neon.tech", 5432, undefined],
    ["app.abc123.eu-west-1.rds.amazonaws.com", 5432, undefined],
    ["proxy-app.abc123.eu-west-1.rds.amazonaws.com", 5432, undefined],
    ["app.cluster-abc123.eu-west-1.rds.amazonaws.com", 5432, undefined],
    ["app.postgres.database.azure.com", 5432, undefined],
    ["pooler.supabase.com.example.com", 6543, undefined],
    ["127.0.0.1", 6432, undefined],
    ["/var/run/postgresql", 5432, undefined],
    ["::1", 6543, undefined],
  ];
  for (const [host, port, mode] of modes) {
    it(`${host}:${port}: ${mode ?? "no pooler is known"}`, () => {
      const known = poolerAt(host, port);
      assert.equal(known && (known.mode ?? "either"), mode);
    });
  }
});
