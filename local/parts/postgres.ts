import * as fs from "node:fs";
import * as path from "node:path";
import { Client } from "pg";
import { startDaemon, stopDaemon } from "../daemon";
import { type Context, folderOf, type Part, remember, remembered } from "../part";
import { run } from "../run";
import { firstOf, type Source } from "../source";
import { newSecret } from "../state";
import { type Account, serverAccount } from "./postgres-account";
import { candidates } from "./postgres-source";

export interface Postgres {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly version: string;
  readonly source: Source;
  /** Where the log is archived and base backups lie; only where the tools for them came with the server. */
  readonly recovery?: { readonly archive: string; readonly baseBackups: string; readonly programs: string } | undefined;
}

interface Settings {
  readonly port: number;
  readonly password: string;
  /** Addresses that it listens on; another gateway makes a restart necessary. */
  readonly listen: readonly string[];
}

const user = "rewind";

/** A PostgreSQL server with one superuser, on loopback and on the bridge; passwords travel as SCRAM only. */
export const postgres: Part<Postgres> = {
  name: "postgres",
  async start(context) {
    const account = await serverAccount(context);
    const data = path.join(account.folder, "data");
    const { source, found } = await firstOf("postgres", candidates(context, majorOf(data)), context.signal);
    const before = remembered<Settings>(context, "postgres");
    const password = before.password ?? newSecret();
    const bin = account.readable(found.bin);
    const { listen } = await context.gateway;
    const port = await context.ports.choose(`${context.id} postgres`, listen, before.port);
    remember(context, "postgres", { port, password, listen } satisfies Settings);
    if (majorOf(data) === undefined) await initialise(context, bin, account, data, password);
    const recovery = source === "machine" ? recoveryFolders(account, bin) : undefined;
    const running: Postgres = {
      ...{ host: "127.0.0.1", port, user, password, version: found.version, source },
      ...(recovery === undefined ? {} : { recovery }),
    };
    await startDaemon({
      folder: folderOf(context, "postgres"),
      command: path.join(bin, "postgres"),
      args: [
        "-D",
        data,
        ...Object.entries({ ...settings(port, listen), ...archiving(recovery) }).flatMap(([name, value]) => [
          "-c",
          `${name}=${value}`,
        ]),
      ],
      env: environment(),
      ...account.ids,
      ready: async () => await answers(running),
      within: 60_000,
      signal: context.signal,
    });
    return running;
  },
  describe: ({ version, host, port }) => `PostgreSQL ${version} at ${host}:${port}`,
  async answers(context, running) {
    const { listen } = remembered<Settings>(context, "postgres");
    return String(listen) === String((await context.gateway).listen) && (await answers(running));
  },
  stop: async (context) => {
    // SIGINT is PostgreSQL's fast shutdown: sessions are ended, and everything is written.
    await stopDaemon(folderOf(context, "postgres"), "SIGINT", 30_000);
  },
};

/** Small and quick, but as durable as in production: `fsync` and `synchronous_commit` keep their defaults. */
function settings(port: number, listen: readonly string[]): Record<string, string> {
  return {
    listen_addresses: listen.join(","),
    port: String(port),
    // No socket files: their path may be too long, and nothing here uses them.
    unix_socket_directories: "",
    shared_buffers: "64MB",
    max_connections: "200",
    jit: "off",
    log_checkpoints: "off",
  };
}

/**
 * The folders of the archive and of base backups, made if need be. None where their path would have to be quoted twice,
 * for the server and for its shell.
 */
function recoveryFolders({ folder, own }: Account, programs: string): Postgres["recovery"] {
  if (![folder, programs].every((place) => /^\/[A-Za-z0-9._/-]{1,300}$/.test(place))) return undefined;
  const [archive, baseBackups] = [path.join(folder, "archive"), path.join(folder, "base-backups")];
  for (const place of [archive, baseBackups]) {
    fs.mkdirSync(place, { recursive: true, mode: 0o700 });
    own(place);
  }
  return { archive, baseBackups, programs };
}

/**
 * Every segment of the log is copied under another name, brought to the disk and only then given its own, so the archive
 * never holds a piece of one. A segment that is there already is fine when it is the same, as after a crash.
 */
function archiving(recovery: Postgres["recovery"]): Record<string, string> {
  if (recovery === undefined) return {};
  const { archive } = recovery;
  const [final, partial] = [`'${archive}/%f'`, `'${archive}/%f.partial'`];
  return {
    wal_level: "replica",
    archive_mode: "on",
    archive_command: `if test -f ${final}; then cmp -s '%p' ${final}; else cp '%p' ${partial} && { sync ${partial} 2>/dev/null || sync; } && mv ${partial} ${final}; fi`,
  };
}

/** Without the caller's PG… variables, which would change what the server's programs do. */
function environment(): NodeJS.ProcessEnv {
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PG"))), LC_ALL: "C" };
}

/** The major version that made the data, or nothing when there is none yet. */
function majorOf(data: string): number | undefined {
  const file = path.join(data, "PG_VERSION");
  return fs.existsSync(file) ? Number(fs.readFileSync(file, "utf8")) : undefined;
}

/** Makes the data folder under another name and gives it its own when it is complete. */
async function initialise(
  context: Context,
  bin: string,
  { ids, folder, own }: Account,
  data: string,
  password: string,
): Promise<void> {
  const temporary = `${data}.new`;
  const passwordFile = path.join(folder, "password.new");
  fs.rmSync(temporary, { recursive: true, force: true });
  fs.rmSync(data, { recursive: true, force: true });
  try {
    // Read by initdb, which runs as the server's user; on the command line every user could read it.
    fs.writeFileSync(passwordFile, password, { mode: 0o600 });
    own(passwordFile);
    const how = [
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      `--username=${user}`,
      // Every deployment has a segment archived, however little is in it.
      "--wal-segsize=1",
      `--pwfile=${passwordFile}`,
    ];
    const env = environment();
    await run(path.join(bin, "initdb"), ["-D", temporary, ...how], { ...ids, env, cwd: "/", signal: context.signal });
    fs.appendFileSync(path.join(temporary, "pg_hba.conf"), "host all all samenet scram-sha-256\n");
    fs.renameSync(temporary, data);
  } finally {
    fs.rmSync(passwordFile, { force: true });
    fs.rmSync(temporary, { recursive: true, force: true });
  }
}

async function answers({ host, port, user: name, password }: Postgres): Promise<boolean> {
  const client = new Client({ host, port, user: name, password, database: "postgres", connectionTimeoutMillis: 2_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
