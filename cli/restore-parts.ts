import { chmodSync, existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DeleteBucketPolicyCommand, PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import { readPolicy } from "../checks/policy";
import { writeAtomically } from "../records/atomic-file";
import { placeOf } from "../records/place";
import { openStore } from "../records/stores";
import { verifyLog } from "../records/verify";
import { readCopy } from "../recovery/backups/contents";
import { swapDatabase } from "../recovery/backups/dump";
import { intoPlace } from "../recovery/backups/place";
import type { Backup } from "../recovery/backups/read";
import { sha256Of } from "../recovery/backups/verify";
import type { BackupPart } from "../release/backup-manifest";
import { canonicalJson } from "../release/canonical";
import { dumpPlaceOf } from "./backup";
import { isOnServer, logFileOf } from "./backup-place";
import { restoreRows } from "./restore-rows";
import { withClients, type OpenedStack } from "./stack";

/** What one part of a restore needs: the stack as it is, a backup that can be read, and the database restored beside. */
export interface Restoring {
  readonly stack: OpenedStack;
  readonly backup: Backup;
  /** The database that the dump was restored into and counted in; undefined where that part is not wanted. */
  readonly beside: string | undefined;
  readonly now: Date;
}

/** How each part comes back; what it returns is the evidence. In the order in which they are done. */
export const restorers: Readonly<Record<BackupPart, (restoring: Restoring) => Promise<string>>> = {
  extra: ({ stack, backup }) => Promise.resolve(restoreExtra(stack, backup)),
  records: restoreRecords,
  database: restoreDatabase,
  rows: ({ stack, backup }) => restoreRows(stack, backup),
  policies: ({ stack, backup }) => restorePolicies(stack, backup),
  state: ({ stack, backup }) => restoreState(stack, backup),
  stack: ({ stack, backup }) => Promise.resolve(restoreStackFiles(stack.folder, backup)),
};

const below = ({ files }: Backup, part: BackupPart) => files.filter(({ path }) => path.startsWith(`${part}/`));

/** Puts the stack file and Pulumi.yaml back. */
export function restoreStackFiles(folder: string, backup: Backup): string {
  const names = below(backup, "stack").map(({ path, stored }) => {
    const name = path.slice("stack/".length);
    writeAtomically(join(folder, name), readFileSync(join(backup.place, stored), "utf8"));
    return name;
  });
  return names.join(", ");
}

async function restoreState({ engine }: OpenedStack, backup: Backup): Promise<string> {
  const [file] = below(backup, "state");
  if (file === undefined) throw new Error("the backup has no state");
  const path = join(backup.place, file.stored);
  await engine.importState(path);
  const [wanted, there] = [resourcesIn(readFileSync(path, "utf8")), resourcesIn(await engine.exportState())];
  if (canonicalJson(wanted) !== canonicalJson(there)) throw new Error("the engine has another state than it was given");
  return `${wanted.length} resources`;
}

/** The resources of a state; without what is encrypted, for the engine encrypts anew each time. */
export function resourcesIn(state: string): unknown[] {
  const { deployment } = JSON.parse(state, (key, value: unknown) => (key === "ciphertext" ? "" : value)) as {
    deployment?: { resources?: unknown[] };
  };
  return deployment?.resources ?? [];
}

async function restorePolicies(stack: OpenedStack, backup: Backup): Promise<string> {
  const [file] = below(backup, "policies");
  const kept = file === undefined ? {} : (JSON.parse(readFileSync(join(backup.place, file.stored), "utf8")) as object);
  const buckets = stack.settings.environment.objectStore?.buckets ?? {};
  return withClients(stack, async (clients) => {
    const own = clients.objectStore("own");
    for (const [name, policy] of Object.entries(kept) as [string, unknown][]) {
      const Bucket = buckets[name];
      if (Bucket === undefined) throw new Error(`the environment has no bucket ${name}`);
      await (policy === null
        ? own.send(new DeleteBucketPolicyCommand({ Bucket }))
        : own.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(policy) })));
      const there = (await readPolicy(clients, Bucket)) ?? null;
      if (canonicalJson(there) !== canonicalJson(policy)) throw new Error(`the policy of ${Bucket} did not come back`);
    }
    return Object.keys(kept).join(", ") || "no bucket";
  });
}

async function restoreDatabase({ stack, beside, now }: Restoring): Promise<string> {
  const place = dumpPlaceOf(stack);
  if (place === undefined || beside === undefined) throw new Error("no database was restored beside");
  const { server } = place;
  const time = now
    .toISOString()
    .replace(/[-:]|\.\d+/g, "")
    .toLowerCase();
  const kept = `${server.database.slice(0, 38)}_before_${time}`;
  await swapDatabase(server, beside, kept);
  return `${server.database}; what was there is ${kept} now, and yours to drop`;
}

/** What a declared folder has got since goes with what was there, which was backed up. */
function restoreExtra({ folder, settings }: OpenedStack, backup: Backup): string {
  const files = below(backup, "extra");
  const declared = (settings.backups?.extra ?? []).filter((root) => existsSync(join(backup.place, "extra", root)));
  const alone = files
    .map(({ path }) => path.slice("extra/".length))
    .filter((path) => !declared.some((root) => path === root || path.startsWith(`${root}/`)));
  for (const root of [...declared, ...alone]) {
    intoPlace(join(backup.place, "extra", root), join(folder, root), (coming) => {
      for (const { path, mode = 0o600 } of files) {
        if (path === `extra/${root}`) chmodSync(coming, mode);
        else if (path.startsWith(`extra/${root}/`)) chmodSync(join(coming, path.slice(`extra/${root}/`.length)), mode);
      }
    });
  }
  return `${files.length} files`;
}

/**
 * Puts the records back that are not there, or are not what was written. A log that has all of the backup's entries and
 * more stays: history is never rewritten.
 */
async function restoreRecords({ stack, backup }: Restoring): Promise<string> {
  const log = logFileOf(stack.folder, stack.engine.name, stack.settings);
  const folder = dirname(log);
  const onServer = isOnServer(stack.folder, stack.settings);
  const levels = new Set<string>();
  const told: string[] = [];
  for (const { path, stored } of below(backup, "records")) {
    const name = path.slice("records/".length);
    const [from, to] = [join(backup.place, stored), join(folder, name)];
    if (name.startsWith("leveldb/")) levels.add(name);
    else if (to === log && onServer) told.push(await restoreJournal(stack, readFileSync(from)));
    else if (existsSync(to) && sha256Of(to) === sha256Of(from)) continue;
    else if (to === log && isContinued(from, to)) told.push(`${name} goes on from there and stays`);
    else {
      intoPlace(from, to);
      told.push(name);
    }
  }
  if (levels.size > 0) {
    const to = join(folder, "leveldb");
    if (await isReadable(to)) told.push("leveldb can be read and stays");
    else {
      intoPlace(join(backup.place, "records", "leveldb"), to);
      told.push("leveldb");
    }
  }
  return told.join("; ") || "everything was there";
}

/** Brings a log on a server back where there is none: a server keeps what is appended, and replaces nothing. */
async function restoreJournal({ engine, folder, log, settings }: OpenedStack, kept: Buffer): Promise<string> {
  const there = log.bytes();
  if (there.subarray(0, kept.length).equals(kept)) return `${log.location} goes on from there and stays`;
  const store = openStore(placeOf(settings.environment.records, folder));
  try {
    if (there.length === 0 && (await store.journal(engine.name).append(kept, 0))) return log.location;
  } finally {
    await store.close();
  }
  throw new Error(`${log.location} is not a later state of the one in the backup; have the server's own backup`);
}

/** @throws Error when the log there is sound, and another one */
function isContinued(from: string, to: string): boolean {
  if (!existsSync(to)) return false;
  const [kept, there] = [readFileSync(from), readFileSync(to)];
  if (there.subarray(0, kept.length).equals(kept)) return true;
  if (verifyLog(there, to).result === "tampered" || there.length < kept.length) return false;
  throw new Error(`${to} is sound, and not a later state of the one in the backup; move it away first`);
}

/** Whether there is a LevelDB that can be read, in a folder or, as a store has it, in the `data` of one. */
function isReadable(folder: string): Promise<boolean> {
  const data = existsSync(join(folder, "CURRENT")) ? folder : join(folder, "data");
  return readCopy(data).then(
    () => true,
    () => false,
  );
}
