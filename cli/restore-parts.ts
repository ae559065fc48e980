import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DeleteBucketPolicyCommand, PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import { readPolicy } from "../checks/policy";
import { projectIn, stackFileOf } from "../project/project";
import { shared, writeAtomically } from "../records/atomic-file";
import { placeOf } from "../records/place";
import { openStore } from "../records/stores";
import { verifyLog } from "../records/verify";
import { readCopy } from "../recovery/backups/contents";
import { swapDatabase } from "../recovery/backups/swap";
import { isBelow } from "../recovery/backups/allowed";
import { makeInPlace } from "../recovery/backups/place";
import type { Backup } from "../recovery/backups/read";
import { sha256Of } from "../recovery/backups/verify";
import type { BackupPart } from "../release/backup-manifest";
import { canonicalJson } from "../release/canonical";
import { dumpPlaceOf } from "./backup";
import { inBackup, isOnServer, logFileOf } from "./backup-place";
import { policiesIn } from "./restore-policies";
import { restoreRows } from "./restore-rows";
import { copyKept, keptAt, modeAt, readKept } from "./restore-write";
import { withClients, type OpenedStack } from "./stack";
import { counted } from "../release/text";

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
  stack: ({ stack, backup }) => Promise.resolve(restoreStackFiles(stack.folder, stack.engine.name, backup)),
};

const below = ({ files }: Backup, part: BackupPart) => files.filter(({ path }) => path.startsWith(`${part}/`));

/** Puts the stack file and Pulumi.yaml back, and nothing else that a backup may have beside them. */
export function restoreStackFiles(folder: string, stack: string, backup: Backup): string {
  const project = projectIn(folder);
  const names = [stackFileOf(project, stack), project.file].flatMap((to) => {
    const kept = keptAt(backup, inBackup(to));
    if (kept === undefined) return [];
    writeAtomically(to, readKept(backup, kept).toString("utf8"), shared);
    return [basename(to)];
  });
  return names.join(", ");
}

async function restoreState({ engine }: OpenedStack, backup: Backup): Promise<string> {
  const file = keptAt(backup, "state/state.json");
  if (file === undefined) throw new Error("the backup has no state");
  const text = readKept(backup, file).toString("utf8");
  await engine.importState(join(backup.place, file.stored));
  const [wanted, there] = [resourcesIn(text), resourcesIn(await engine.exportState())];
  if (canonicalJson(wanted) !== canonicalJson(there)) throw new Error("the engine has another state than it was given");
  return counted(wanted.length, "resource");
}

/** The resources of a state; without what is encrypted, for the engine encrypts anew each time. */
export function resourcesIn(state: string): unknown[] {
  const { deployment } = JSON.parse(state, (key, value: unknown) => (key === "ciphertext" ? "" : value)) as {
    deployment?: { resources?: unknown[] };
  };
  return deployment?.resources ?? [];
}

async function restorePolicies(stack: OpenedStack, backup: Backup): Promise<string> {
  const kept = policiesIn(backup);
  const buckets = stack.settings.environment.objectStore?.buckets ?? {};
  return withClients(stack, async (clients) => {
    const own = clients.objectStore("own");
    for (const [name, policy] of Object.entries(kept)) {
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
  // Cut at a whole character, so that the name with its time fits into the 63 bytes that PostgreSQL keeps.
  const start = new TextDecoder().decode(Buffer.from(server.database).subarray(0, 38), { stream: true });
  const kept = `${start}_before_${time}`;
  await swapDatabase(server, beside, kept);
  return `${server.database}; what was there is ${kept} now, and yours to drop`;
}

/**
 * Brings declared folders back as a whole: what they have got since goes with what was there, which was backed up. What a
 * backup says of modes is not believed: a file has those of the one that is there, and a new one is its owner's alone.
 */
function restoreExtra({ folder, settings }: OpenedStack, backup: Backup): string {
  const files = below(backup, "extra").map((file) => ({ ...file, name: file.path.slice("extra/".length) }));
  const unset: string[] = [];
  for (const root of settings.backups?.extra ?? []) {
    const own = files.filter(({ name }) => isBelow(name, [root]));
    if (own.length === 0) continue;
    makeInPlace(join(folder, root), (coming) => {
      for (const file of own) {
        const mode = modeAt(join(folder, file.name));
        if (((file.mode ?? 0) & 0o100) > (mode & 0o100)) unset.push(file.name);
        copyKept(backup, file, join(coming, file.name.slice(root.length)), mode);
      }
    });
  }
  const more = unset.length === 0 ? "" : `; not to be run until you say so: chmod u+x ${unset.slice(0, 5).join(" ")}`;
  return `${counted(files.length, "file")}${more}`;
}

/**
 * Puts the records back that are not there, or are not what was written. A log that has all of the backup's entries and
 * more stays: history is never rewritten.
 */
async function restoreRecords({ stack, backup }: Restoring): Promise<string> {
  const log = logFileOf(stack.folder, stack.engine.name, stack.settings);
  const folder = dirname(log);
  const onServer = isOnServer(stack.folder, stack.settings);
  const told: string[] = [];
  const levelFiles = below(backup, "records").filter(({ path }) => path.startsWith("records/leveldb/"));
  for (const file of below(backup, "records")) {
    const name = file.path.slice("records/".length);
    const [from, to] = [join(backup.place, file.stored), join(folder, name)];
    if (levelFiles.includes(file)) continue;
    refuseOtherName(name, file);
    if (to === log && onServer) told.push(await restoreJournal(stack, readKept(backup, file)));
    else if (existsSync(to) && sha256Of(to) === sha256Of(from)) continue;
    else if (to === log && isContinued(from, to)) told.push(`${name} goes on from there and stays`);
    else {
      makeInPlace(to, (coming) => {
        copyKept(backup, file, coming, shared);
      });
      told.push(name);
    }
  }
  if (levelFiles.length > 0) {
    const to = join(folder, "leveldb");
    if (await isReadable(to)) told.push("leveldb can be read and stays");
    else {
      makeInPlace(to, (coming) => {
        for (const file of levelFiles) {
          copyKept(backup, file, join(coming, file.path.slice("records/leveldb/".length)), 0o600);
        }
      });
      told.push("leveldb");
    }
  }
  return told.join("; ") || "everything was there";
}

/** Rows lie under the digest of what they are: under another they would stand for rows that they are not. */
function refuseOtherName(name: string, { sha256 }: Backup["files"][number]): void {
  const [, digest] = /^rows\/([0-9a-f]{64})\.jsonl$/.exec(name) ?? [];
  if (digest !== undefined && digest !== sha256) throw new Error(`${name} holds other rows than its name says`);
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
