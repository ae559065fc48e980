import { existsSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { syncFolder, writeAtomically } from "../records/atomic-file";
import { accountOf, handsOf } from "./account";
import type { BaseBackup } from "./catalogue";
import { environment, majorOf, programsIn, run } from "./programs";
import { factsOf, type Server } from "./server";

/** Where base backups go, and with whose programs. */
export interface BackupPlace {
  readonly baseBackups: string;
  readonly programs?: string | undefined;
}

/**
 * Takes a base backup of a running server and verifies every file of it against its manifest. Until it is whole it has
 * another name, and it counts only when its record is there.
 * @throws Error in one line for people; nothing is left behind then
 */
export async function takeBaseBackup(server: Server, place: BackupPlace, signal?: AbortSignal): Promise<BaseBackup> {
  const programs = programsIn(place.programs);
  const account = accountOf(place.baseBackups);
  const before = await factsOf(server);
  await sameMajor(programs, before.major);
  if (!before.archiving) {
    throw new Error("the server archives nothing (archive_mode is off), so a base backup alone would lead nowhere");
  }
  const id = `base-${before.now.replace(/[-:]|\.\d+/g, "")}`;
  const final = join(place.baseBackups, id);
  const partial = `${final}.partial`;
  if (existsSync(final)) throw new Error(`${final} is there already; wait a second`);
  const hands = handsOf(account);
  await hands.remove(partial);
  await hands.makeFolder(partial);
  const options = { ...account, ...(signal === undefined ? {} : { signal }) };
  try {
    await run(
      join(programs, "pg_basebackup"),
      [
        ...["--host", server.host, "--port", String(server.port), "--username", server.user, "--no-password"],
        ...["--pgdata", partial, "--format=plain", "--wal-method=stream", "--checkpoint=fast", "--label=rewind"],
        "--manifest-checksums=SHA256",
      ],
      { ...options, env: environment({ PGPASSWORD: server.password, PGSSLMODE: server.sslmode }) },
    );
    await run(join(programs, "pg_verifybackup"), ["--exit-on-error", "--quiet", partial], options);
    const after = await factsOf(server);
    const record: BaseBackup = {
      id,
      started: before.now,
      ended: after.now,
      system: after.system,
      major: after.major,
      bytes: sizeOf(partial),
    };
    renameSync(partial, final);
    syncFolder(place.baseBackups);
    writeAtomically(join(place.baseBackups, `${id}.json`), `${JSON.stringify(record, null, 2)}\n`);
    return record;
  } catch (error) {
    await hands.remove(partial);
    throw error;
  }
}

/** @throws Error when the programs are of another major version than the server */
export async function sameMajor(programs: string, major: number): Promise<void> {
  const own = await majorOf(programs);
  if (own !== major) {
    throw new Error(
      `the programs in ${programs} are of PostgreSQL ${own}, the server is ${major}; install those of ${major}`,
    );
  }
}

/** The bytes of all files of a folder. */
export function sizeOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sum + sizeOf(path);
    return entry.isFile() ? sum + statSync(path).size : sum;
  }, 0);
}
