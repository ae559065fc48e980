import { resolve } from "node:path";
import { rowDriftProbes } from "../checks/row-probes";
import { readApplied } from "../checks/migrations";
import { migrationTables } from "../release/migration-tables";
import { runProbes, type Probe } from "../checks/probe";
import type { Clients } from "../checks/clients";
import type { Entry, Intent } from "../records/entry";
import { deployments, expectedStates } from "../records/state";
import { takeBaseBackup } from "../recovery/base-backup";
import { baseBackupsIn } from "../recovery/catalogue";
import { recover, RecoveryFailed, type Recovered, type Target } from "../recovery/recover";
import type { Server } from "../recovery/server";
import type { Recovery } from "../release/schema/database-objects";
import { redactor } from "../release/redact";
import { judge, type Verdict } from "../release/verdict";
import { exitCodeOf, exitCodes } from "./exit-codes";
import type { DatabaseBackupJson, DatabaseRecoverJson } from "./json/database";
import { checkLines, duration } from "./report";
import { Refusal, type Tell, type VerbResult } from "./result";
import { open, serverOf, withClients, type OpenedStack, type Where } from "./stack";

interface Options {
  readonly tell: Tell;
  readonly signal: AbortSignal;
}

/** `rewind database backup`: a base backup of the running server, verified file by file. */
export async function databaseBackup(where: Where, { tell, signal }: Options): Promise<VerbResult<DatabaseBackupJson>> {
  const stack = await open(where);
  const { server, recovery } = recoverable(stack);
  tell(`Taking a base backup of ${server.host}:${server.port} …`);
  const started = performance.now();
  const backup = await takeBaseBackup(server, recovery, signal).catch((error: unknown) => {
    throw refusal(error, stack, "rewind database backup");
  });
  const text = [
    `${backup.id}: ${backup.bytes} bytes, verified against its manifest (${duration(performance.now() - started)})`,
    `In ${recovery.baseBackups}, with ${baseBackupsIn(recovery.baseBackups).length} in all.`,
    `From here on: rewind database recover --before <entry> --into <folder>`,
  ].join("\n");
  return { code: exitCodes.ok, text, json: { backup, folder: recovery.baseBackups } };
}

/** Where and to when. */
export interface RecoverOptions extends Options {
  /** The id of an entry of the deployment log. */
  readonly before: string;
  readonly into: string;
  readonly port: number;
}

/**
 * `rewind database recover`: a copy of the database server as it was just before an entry of the deployment log, on a port
 * of its own beside the running one, and checked against what the log says of the time. The running one is not touched.
 */
export async function databaseRecover(where: Where, options: RecoverOptions): Promise<VerbResult<DatabaseRecoverJson>> {
  const stack = await open(where);
  const { server, recovery } = recoverable(stack);
  const entries = stack.log.entries();
  const intent = entryToRecover(entries, options.before, stack);
  const target: Target = intent.restorePoint === undefined ? { time: intent.at } : { name: intent.restorePoint };
  const started = performance.now();
  const recovered = await recover({
    before: intent.at,
    target,
    ...recovery,
    into: resolve(options.into),
    port: options.port,
    as: { user: server.user, password: server.password, database: server.database },
    tell: options.tell,
    signal: options.signal,
  }).catch((error: unknown) => {
    throw refusal(error, stack, "rewind database recover --before <entry> --into <folder>");
  });
  const copy = `a copy from before ${intent.id} in ${recovered.folder}, at 127.0.0.1:${recovered.port}`;
  stack.log.append({ kind: "audit", act: "recover", what: copy });
  const verdict = await verifyRecovered(stack, recovered, entries, intent);
  const took = duration(performance.now() - started);
  const { code, word } = judged(verdict);
  const how =
    "name" in target
      ? `its restore point ${target.name}`
      : `the time of the entry, ${target.time}: it has no restore point`;
  const text = [
    `${word}: the database of ${stack.engine.name} as it was just before ${intent.id} (to ${intent.to.release}), ${took}`,
    `By:       ${how}`,
    `From:     ${recovered.backup.id}, which ended ${recovered.backup.ended}`,
    `Answers:  127.0.0.1:${recovered.port}, process ${recovered.pid}, folder ${recovered.folder}`,
    ...checkLines(verdict.checks),
    "The running server was not touched. To switch over:",
    "  1. stop what writes: the services, and AUTOPILOT_WORKER_DISABLED where there is a worker",
    `  2. take what was written since and must not be lost out of ${server.host}:${server.port}`,
    `  3. stop both servers, put ${recovered.folder} in the place of the running one's data folder, start it`,
    "     (or set environment.database.host and .port to the recovered one)",
    `  4. rewind database backup, for the archive goes on from there; then pulumi up with the release of the time${intent.from === undefined ? "" : `, ${intent.from.release}`}`,
    `To give it up: kill -INT ${recovered.pid}, and remove ${recovered.folder}`,
  ].join("\n");
  return { code, text, json: { outcome: word, entry: intent.id, ...recovered, checks: verdict.checks } };
}

function judged(verdict: Verdict): {
  readonly code: VerbResult["code"];
  readonly word: DatabaseRecoverJson["outcome"];
} {
  // Before the first verified deployment the log says nothing of rows; the target was reached, and that is all.
  if (verdict.checks.length === 0) return { code: exitCodes.ok, word: "RECOVERED" };
  return {
    code: exitCodeOf[verdict.result],
    word: verdict.result === "passed" ? "RECOVERED" : "RECOVERED, BUT NOT AS LOGGED",
  };
}

function recoverable(stack: OpenedStack): { readonly server: Server; readonly recovery: Recovery } {
  const server = serverOf(stack);
  const recovery = stack.settings.environment.database?.recovery;
  if (server === undefined || recovery === undefined) {
    throw new Refusal(
      "the environment says nothing of recovery: where the server archives its log, and where base backups lie",
      "name both as environment.database.recovery: {archive: …, baseBackups: …}",
    );
  }
  return { server, recovery };
}

function entryToRecover(entries: readonly Entry[], id: string, { log }: OpenedStack): Intent {
  const entry = deployments(entries).find(({ intent }) => intent.id === id)?.intent;
  if (entry !== undefined) return entry;
  const recent = deployments(entries)
    .slice(-5)
    .map(({ intent }) => `${intent.id} (to ${intent.to.release})`);
  throw new Refusal(
    `no entry ${JSON.stringify(id)} in ${log.location}; the newest are ${recent.join(", ") || "none"}`,
    "rewind database recover --before <entry> --into <folder>",
  );
}

/** Rows and migrations of the recovered copy against what the log says stood there before the entry. */
async function verifyRecovered(
  stack: OpenedStack,
  { port }: Recovered,
  entries: readonly Entry[],
  intent: Intent,
): Promise<Verdict> {
  const { environment } = stack.settings;
  const { database } = environment;
  if (database === undefined) return judge([]);
  const states = expectedStates(
    entries.slice(
      0,
      entries.findIndex(({ id }) => id === intent.id),
    ),
  );
  const copy = { ...environment, database: { ...database, host: "127.0.0.1", port, sslmode: "disable" as const } };
  const there = { ...stack, settings: { ...stack.settings, environment: copy } };
  return withClients(there, async (clients) =>
    judge(
      await runProbes(
        probesOfTheTime(there.settings, clients, copy.database, states),
        undefined,
        redactor(stack.secrets),
      ),
    ),
  );
}

function probesOfTheTime(
  settings: OpenedStack["settings"],
  clients: Clients,
  database: NonNullable<OpenedStack["settings"]["environment"]["database"]>,
  states: ReturnType<typeof expectedStates>,
): Probe[] {
  const noted = migrationTables(database);
  const migrations = states.flatMap(({ migration }) => (migration === undefined ? [] : [migration]));
  return [
    ...rowDriftProbes(settings, clients, states),
    ...(noted === undefined || migrations.length === 0
      ? []
      : [
          {
            name: "migrations",
            factual: true,
            ask: async () => {
              const last = (await readApplied(clients.database(), noted)).at(-1)?.name ?? "nothing";
              const result = migrations.includes(last) ? ("passed" as const) : ("failed" as const);
              return { result, evidence: `stands at ${last}, logged was ${[...new Set(migrations)].join(" or ")}` };
            },
          },
        ]),
  ];
}

/** An error for people, without the values of secrets. */
function refusal(error: unknown, { secrets }: OpenedStack, again: string): Error {
  const message = redactor(secrets)(error instanceof Error ? error.message : String(error));
  return new Refusal(message, error instanceof RecoveryFailed ? error.next : again);
}
