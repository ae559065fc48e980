import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client, Pool } from "pg";
import type { Access } from "../../checks/administrator";
import { connect, exactTexts, onlyReading, poolOf } from "../../rows/session";
import { startServer, type OwnServer } from "../checks/own-server";

/** The application's own role, which an attacker has. */
export const attacker = "scoring_app";

/**
 * A PostgreSQL with an administrator that is a superuser, an application role as a stack makes it, and a schema in which
 * that role may create. Every attack leaves a trace when it works: a file, or a row in `app.trace`.
 */
export class Battlefield {
  private readonly open: { end(): Promise<unknown> }[] = [];

  private constructor(
    private readonly server: OwnServer,
    readonly administrator: Client,
    private readonly folder: string,
  ) {}

  static async start(context: Mocha.Context): Promise<Battlefield> {
    const server = await startServer();
    if (server === undefined) {
      if (process.env.REWIND_SKIP_NOTHING === "1") throw new Error("no PostgreSQL is installed");
      context.skip();
    }
    const administrator = await connect({
      host: "127.0.0.1",
      port: server.port,
      user: "postgres",
      database: "postgres",
    });
    const field = new Battlefield(server, administrator, mkdtempSync(join(tmpdir(), "rewind-trace-")));
    await administrator.query(`
      create role ${attacker} login; create role team; create role member login in role team;
      create schema app; grant usage, create on schema app to ${attacker}, team;
      create table public.trace (by text, system_user_is text default session_user);
      grant insert, select on public.trace to public;
      create sequence public.ran_postgres; create sequence public.ran_${attacker};
      grant usage on sequence public.ran_postgres, public.ran_${attacker} to public`);
    return field;
  }

  get access(): Access {
    const connection = { host: "127.0.0.1", port: this.server.port, user: "postgres", database: "postgres" } as const;
    return { connection: { ...connection, sslmode: "disable" }, password: "" };
  }

  get port(): number {
    return this.server.port;
  }

  /** A pool as checks have it. */
  checks(): Pool {
    const pool = poolOf(
      { host: "127.0.0.1", port: this.server.port, user: "postgres", database: "postgres", max: 1 },
      { ...onlyReading, ...exactTexts },
    );
    this.open.push(pool);
    return pool;
  }

  /** A connection of the attacker's, or of another role's. */
  async as(user: string): Promise<Client> {
    const client = await connect({ host: "127.0.0.1", port: this.server.port, user, database: "postgres" });
    this.open.push(client);
    return client;
  }

  /**
   * What the attacker's code does wherever it runs: it writes down with whose rights it did. A sequence counts on when the
   * transaction is rolled back.
   */
  readonly trap =
    "insert into public.trace values (current_user); perform nextval(('public.ran_' || current_user)::regclass)";

  /** The roles with whose rights the attacker's code ran, but for its own. */
  async victims(): Promise<string[]> {
    const { rows } = await this.administrator.query<{ by: string }>(
      `select by from public.trace where by <> $1
       union select 'postgres' from public.ran_postgres where is_called order by 1`,
      [attacker],
    );
    await this.administrator.query("truncate public.trace; select setval('public.ran_postgres', 1, false)");
    return rows.map(({ by }) => by);
  }

  /** A file that an attack on the server's machine leaves. */
  trace(name: string): { readonly path: string; readonly exists: () => boolean } {
    const path = join(tmpdir(), `${name}-${this.server.port}`);
    return { path, exists: () => existsSync(path) };
  }

  async stop(): Promise<void> {
    await Promise.all(this.open.map((each) => each.end()));
    await this.administrator.end();
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
