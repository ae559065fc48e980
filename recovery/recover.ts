import { spawn } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { createConnection } from "node:net";
import { accountOf, giveFolder, handsOf, type Account, type Hands } from "./account";
import { sameMajor, sizeOf } from "./base-backup";
import { baseBackupsIn, gapAfter, newestBefore, type BaseBackup } from "./catalogue";
import { environment, lastWords, programsIn, run } from "./programs";
import { factsOf, type Server } from "./server";

/** To where: a restore point that was set, or the moment before one. */
export type Target = { readonly name: string } | { readonly time: string };

export interface RecoveryOptions {
  /** The moment of the entry, ISO 8601. */
  readonly before: string;
  readonly target: Target;
  readonly archive: string;
  readonly baseBackups: string;
  readonly programs?: string | undefined;
  /** The folder of the recovered copy; it must not be there yet, or be empty. */
  readonly into: string;
  readonly port: number;
  /** Who asks the recovered server: as on the running one, whose roles and passwords it has. */
  readonly as: Pick<Server, "user" | "password" | "database">;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
  /** Milliseconds until the target must have been reached. */
  readonly within?: number;
}

/** A server on a recovered copy, beside the running one. */
export interface Recovered {
  readonly folder: string;
  readonly port: number;
  readonly pid: number;
  readonly backup: BaseBackup;
  readonly target: Target;
}

/** A recovery that ended before its target, and what next. */
export class RecoveryFailed extends Error {
  override readonly name = "RecoveryFailed";
  constructor(
    message: string,
    readonly next: string,
  ) {
    super(message);
  }
}

/**
 * Recovers a copy of a database server to just before an entry of the deployment log, beside the running server, which is
 * neither asked nor touched: the newest base backup that ended before the entry, and the archived log up to the target.
 * @throws RecoveryFailed, with nothing left behind
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { before, archive, baseBackups, port, target, tell } = options;
  const into = resolve(options.into);
  const programs = unlessFails(() => programsIn(options.programs), "install them, and run the same command again");
  const account = unlessFails(() => accountOf(baseBackups), "rewind database backup");
  const backup = chosen(baseBackups, before);
  await sameMajor(programs, backup.major);
  refuseUnfit(into, [archive, baseBackups]);
  if (!existsSync(archive)) throw new RecoveryFailed(`no archive ${archive}`, "name it as database.recovery.archive");
  await refuseTaken(port);
  const made = !existsSync(into);
  mkdirSync(into, { recursive: true, mode: 0o700 });
  const source = join(baseBackups, backup.id);
  const hands = handsOf(account);
  try {
    refuseTooLarge(source, into);
    tell(`Copying ${backup.id}, which ended ${backup.ended} …`);
    giveFolder(into, account);
    await hands.copy(source, into);
    tell("Verifying every file of the copy …");
    await run(join(programs, "pg_verifybackup"), ["--exit-on-error", "--quiet", "--no-parse-wal", into], account).catch(
      (error: unknown) => {
        throw new RecoveryFailed(
          `the base backup ${backup.id} is not what it was: ${error instanceof Error ? error.message : String(error)}`,
          `remove ${source} and ${source}.json, and recover from an earlier one`,
        );
      },
    );
    await configure(into, hands, options);
    tell(`Replaying the archive up to ${"name" in target ? target.name : target.time} …`);
    const pid = await start(into, programs, account, options);
    return { folder: into, port, pid, backup, target };
  } catch (error) {
    await clear(into, hands);
    if (!made) mkdirSync(into, { mode: 0o700 });
    throw error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOSPC"
      ? new RecoveryFailed(`no room left at ${into}`, "give --into a folder on a larger disk")
      : error;
  }
}

/** Removes the copy. What lies in a folder of the account's own the account removes; the folder itself may be root's to remove. */
async function clear(into: string, hands: Hands): Promise<void> {
  try {
    await hands.remove(into);
  } catch {
    rmdirSync(into);
  }
}

function unlessFails<T>(work: () => T, next: string): T {
  try {
    return work();
  } catch (error) {
    throw new RecoveryFailed(error instanceof Error ? error.message : String(error), next);
  }
}

function chosen(folder: string, before: string): BaseBackup {
  const backups = baseBackupsIn(folder);
  const backup = newestBefore(backups, before);
  if (backup !== undefined) return backup;
  const [oldest] = backups;
  throw new RecoveryFailed(
    oldest === undefined
      ? `no base backup in ${folder}`
      : `no base backup in ${folder} ended before ${before}; the oldest ended ${oldest.ended}`,
    "rewind database backup, so that entries to come can be recovered to",
  );
}

/** The copy goes where nothing is, and never among what it is made of. */
function refuseUnfit(into: string, sources: readonly string[]): void {
  for (const source of sources.map((each) => resolve(each))) {
    if (into === source || into.startsWith(source + sep) || source.startsWith(into + sep)) {
      throw new RecoveryFailed(`${into} and ${source} lie in each other`, "give --into a folder of its own");
    }
  }
  if (existsSync(into) && (!statSync(into).isDirectory() || readdirSync(into).length > 0)) {
    throw new RecoveryFailed(`${into} is there already and is not empty`, "give --into an empty or a new folder");
  }
}

/** Somebody who listens there would be mistaken for the copy, or would keep it from starting. */
async function refuseTaken(port: number): Promise<void> {
  const taken = await new Promise<boolean>((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port, timeout: 1_000 });
    const settle = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", settle(true)).once("error", settle(false)).once("timeout", settle(false));
  });
  if (taken) throw new RecoveryFailed(`something listens on 127.0.0.1:${port} already`, "give another --port");
}

function refuseTooLarge(source: string, into: string): void {
  const { bavail, bsize } = statfsSync(into);
  // The log that is replayed needs room as well; how much cannot be known.
  const wanted = Math.ceil(sizeOf(source) * 1.2);
  if (bavail * bsize >= wanted) return;
  throw new RecoveryFailed(
    `${into} has room for ${bavail * bsize} bytes, the copy needs ${wanted}`,
    "give --into a folder on a larger disk",
  );
}

/** A moment as the configuration takes it: there the server does not know the letter Z yet. */
const serverTime = (time: string): string => new Date(time).toISOString().replace("T", " ").replace("Z", "+00");

/** `'` doubled, as in PostgreSQL's configuration files. */
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Who is let into the copy, whatever the original's files say: those of a container let in everybody on this machine. */
const hbaFile = "rewind_hba.conf";
const identFile = "rewind_ident.conf";

async function configure(into: string, hands: Hands, { archive, target, as }: RecoveryOptions): Promise<void> {
  // Debian keeps it outside of the data folder, so a base backup has none.
  if (!existsSync(join(into, "postgresql.conf"))) await hands.write(join(into, "postgresql.conf"), "");
  // `md5` takes a password whose hash is of the newer kind as well.
  await hands.write(join(into, hbaFile), `host all "${as.user.replaceAll('"', '""')}" 127.0.0.1/32 md5\n`);
  await hands.write(join(into, identFile), "");
  // In single quotes for the shell; the path itself is of a shape that has none.
  const lines = [
    `restore_command = ${quoted(`cp '${archive}/%f' '%p'`)}`,
    ...("name" in target
      ? [`recovery_target_name = ${quoted(target.name)}`]
      : [`recovery_target_time = ${quoted(serverTime(target.time))}`, "recovery_target_inclusive = off"]),
    "recovery_target_action = 'promote'",
  ];
  await hands.write(join(into, "postgresql.auto.conf"), `${lines.join("\n")}\n`, "add");
  await hands.write(join(into, "recovery.signal"), "");
}

/** A new file beside the copy, in a folder that others may write: a link there leads nowhere. */
function openLog(log: string): number {
  rmSync(log, { force: true });
  return openSync(log, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
}

/** Starts the server on the copy, and returns its process's id when it has reached the target and takes sessions. */
async function start(into: string, programs: string, account: Account, options: RecoveryOptions): Promise<number> {
  const { port, signal, as, archive } = options;
  const log = join(dirname(into), `${into.slice(into.lastIndexOf(sep) + 1)}.log`);
  const handle = openLog(log);
  const settings = {
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    ssl: "off",
    // The copy must never write into the archive of the server that it is a copy of.
    archive_mode: "off",
    // Nobody is let in before the target is reached; then the primary's limits need not be this server's.
    hot_standby: "off",
    hba_file: join(into, hbaFile),
    ident_file: join(into, identFile),
    logging_collector: "off",
    log_destination: "stderr",
  };
  const args = ["-D", into, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  const child = spawn(join(programs, "postgres"), args, {
    cwd: "/",
    detached: true,
    stdio: ["ignore", handle, handle],
    env: environment(),
    ...account,
  });
  closeSync(handle);
  const life: { ended?: string } = {};
  child.once("error", (error) => (life.ended = error.message));
  child.once("exit", (code, by) => (life.ended = `it ended with ${code ?? by ?? "unknown"}`));
  child.unref();
  const hasEnded = (): boolean => life.ended !== undefined;
  const deadline = performance.now() + (options.within ?? 30 * 60_000);
  const server: Server = { ...as, host: "127.0.0.1", port, sslmode: "disable" };
  try {
    for (;;) {
      signal.throwIfAborted();
      if (life.ended !== undefined) throw new RecoveryFailed(...failure(log, life.ended, into, archive));
      if (performance.now() > deadline)
        throw new RecoveryFailed("the target was not reached in time", "look at the log");
      const facts = await factsOf(server, 2_000).catch((error: unknown) => error);
      if (!(facts instanceof Error) && !(facts as { inRecovery: boolean }).inRecovery && child.pid !== undefined)
        return child.pid;
      const { code } = facts as { code?: string };
      if (code === "28P01" || code === "3D000")
        throw new RecoveryFailed(
          `the recovered server says: ${(facts as Error).message}`,
          "rewind database recover --before <entry> --into <folder>, with the secrets of the time",
        );
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } catch (error) {
    if (!hasEnded() && child.pid !== undefined) {
      // Immediate: nothing of this copy is worth a checkpoint.
      child.kill("SIGQUIT");
      for (let waited = 0; waited < 100 && !hasEnded(); waited += 1) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    throw error;
  }
}

/** Why a recovery ended, from the server's own log and from what the archive holds. */
function failure(log: string, ended: string, into: string, archive: string): [message: string, next: string] {
  const said = readFileSync(log, "utf8");
  const fatal = [...said.matchAll(/(?:FATAL|PANIC): +(.*)/g)].map(([, words]) => words ?? "").at(-1);
  if (said.includes("recovery ended before configured recovery target was reached")) {
    const missing = missingSegment(into, archive);
    return missing === undefined
      ? [
          "the archive ends before the target was reached",
          "have the running server archive what it has (select pg_switch_wal()), and run the same command again",
        ]
      : [
          `the archive lacks the segment ${missing}, so the target cannot be reached`,
          `put ${missing} back into ${archive}, or recover to an entry before it`,
        ];
  }
  return [`the server on the copy: ${fatal ?? ended}: ${lastWords(said)}`, `read ${log}`];
}

function missingSegment(into: string, archive: string): string | undefined {
  const label = ["backup_label", "backup_label.old"].map((name) => join(into, name)).find((path) => existsSync(path));
  const first = label === undefined ? undefined : /file ([0-9A-F]{24})/.exec(readFileSync(label, "utf8"))?.[1];
  const wal = join(into, "pg_wal");
  // The base backup itself carries the log of the time in which it was made.
  const names = [...readdirSync(archive), ...(existsSync(wal) ? readdirSync(wal) : [])];
  const any = readdirSync(archive).find((name) => /^[0-9A-F]{24}$/.test(name));
  if (first === undefined || any === undefined) return first;
  return gapAfter(names, first, statSync(join(archive, any)).size);
}
