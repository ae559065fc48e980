import { isNoSuchBucket, readPolicy } from "../checks/policy";
import { describeTable } from "../rows/catalog";
import { keysOf, readLines } from "../rows/comparison";
import { locatedTable } from "../checks/row-probes";
import { pinnedSource } from "../rows/source";
import { projectIn } from "../project/project";
import type { Clients } from "../checks/clients";
import { dumpDatabase, type DumpPlace, type Held } from "../recovery/backups/dump";
import { addFile, addFolder, addRecords } from "../recovery/backups/folders";
import type { Backup } from "../recovery/backups/read";
import type { Staging } from "../recovery/backups/staging";
import { writeBackup, type Written } from "../recovery/backups/write";
import { fileNameOf } from "../release/file-names";
import { backupParts, type BackupPart, type Manifest, type Occasion } from "../release/backup-manifest";
import type { Settings } from "../release/parse";
import { backupsOf, inBackup, isOnServer, logFileOf } from "./backup-place";
import { noteIn, vouchingFor, type Note } from "./backup-witnesses";
import { writeLaterOrRefuse } from "./disk";
import { serverOf, withClients, type OpenedStack } from "./stack";

/** What a backup is made for, and what goes into it. */
export interface BackupOptions {
  readonly occasion: Occasion;
  readonly now: Date;
  /** What a rollback changes, unless said; the whole where the settings say so. */
  readonly parts?: readonly BackupPart[];
  readonly name?: string;
  /** Who can decrypt it; as the settings say unless said. */
  readonly recipients?: readonly string[];
  /** Writes down which manifest it has; in the deployment log where it is left out. */
  readonly note?: Note;
  readonly signal?: AbortSignal;
}

/** What a rollback is about to change. */
const quick: readonly BackupPart[] = ["stack", "state", "rows", "policies"];

/**
 * Keeps a stack as it is: the stack file, the engine's state (secrets stay encrypted), the pinned rows and policies as
 * they are now; and for a whole backup the database, the records and the folders that the stack names.
 * @throws Refusal where the folder of the backups takes no more; any other error says what could not be read
 */
export async function backUp(stack: OpenedStack, options: BackupOptions): Promise<Written> {
  const { engine, folder, settings } = stack;
  const { occasion, now, name, signal } = options;
  const { backups, pinned } = settings;
  const parts = options.parts ?? (backups?.beforeRollback === "full" ? backupParts : quick);
  const all = backupsOf(folder, engine.name);
  const facts = {
    stack: engine.name,
    at: now.toISOString(),
    occasion,
    ...(name === undefined ? {} : { name }),
    pinned: { release: pinned.release, digest: pinned.digest },
  };
  const fill = (staging: Staging) => fillWith(stack, new Set(parts), staging, signal);
  const vouching = vouchingFor(options.note ?? noteIn(stack.log));
  return writeLaterOrRefuse(all, () =>
    writeBackup(all, facts, fill, options.recipients ?? backups?.recipients, vouching),
  );
}

/** The parts that a whole backup of a stack has. */
export function partsOf({ environment, pinned, backups }: Settings): BackupPart[] {
  const { database, objectStore } = environment;
  const has: Partial<Record<BackupPart, boolean>> = {
    rows: Object.keys(pinned.facets.config).some((name) => locatedTable({ environment }, name) !== undefined),
    policies: objectStore !== undefined,
    database: database !== undefined,
    extra: (backups?.extra ?? []).length > 0,
  };
  return backupParts.filter((part) => has[part] ?? true);
}

/** Where the database is and with whose programs it is dumped; undefined where there is none. */
export function dumpPlaceOf(stack: Pick<OpenedStack, "settings" | "secrets">): DumpPlace | undefined {
  const server = serverOf(stack);
  const { backups, environment } = stack.settings;
  const programs = backups?.programs ?? environment.database?.recovery?.programs;
  return server === undefined ? undefined : { server, programs };
}

/** What the dump of a backup was dumped with; undefined where the backup does not say it. */
export function heldIn({ manifest }: Backup): Held | undefined {
  const { rows, owners, extensions } = manifest?.database ?? {};
  if (rows === undefined) return undefined;
  return { rows, ...(owners === undefined ? {} : { owners }), ...(extensions === undefined ? {} : { extensions }) };
}

async function fillWith(
  stack: OpenedStack,
  wanted: ReadonlySet<BackupPart>,
  staging: Staging,
  signal: AbortSignal | undefined,
): Promise<Manifest["database"]> {
  const { engine, file, folder, log, settings } = stack;
  if (wanted.has("stack")) {
    for (const each of [file, projectIn(folder).file]) await addFile(staging, each, inBackup(each));
  }
  if (wanted.has("state")) await staging.add("state/state.json", await engine.exportState());
  await withClients(stack, async (clients) => {
    if (wanted.has("rows")) await addRows(stack, clients, staging);
    if (wanted.has("policies")) await addPolicies(stack, clients, staging);
  });
  if (wanted.has("records")) {
    const onServer = isOnServer(folder, settings) ? log.bytes() : undefined;
    await addRecords(staging, logFileOf(folder, engine.name, settings), engine.name, onServer);
  }
  if (wanted.has("extra")) {
    for (const path of settings.backups?.extra ?? []) await addFolder(staging, folder, path);
  }
  const place = dumpPlaceOf(stack);
  if (place === undefined || !wanted.has("database")) return undefined;
  const name = place.server.database;
  const held = await dumpDatabase(place, (dump) => staging.add(`database/${fileNameOf(name)}.dump`, dump), signal);
  return { name, ...held };
}

async function addRows(stack: OpenedStack, clients: Clients, staging: Staging): Promise<void> {
  for (const [name, pin] of Object.entries(stack.settings.pinned.facets.config)) {
    const located = locatedTable(stack.settings, name);
    // A table that is gone must not stand in the way of the rollback that brings it back.
    const live = located === undefined ? undefined : await describeTable(clients.database(), located);
    if (located === undefined || live === undefined) continue;
    const lines = async function* () {
      for await (const keys of keysOf(pinnedSource(pin, stack.folder), located.table)) {
        const rows = await readLines(clients.database(), located, live, keys, "all");
        yield Buffer.from(rows.map((row) => `${row}\n`).join(""), "utf8");
      }
    };
    await staging.add(`rows/${fileNameOf(name)}.jsonl`, lines());
  }
}

async function addPolicies({ settings }: OpenedStack, clients: Clients, staging: Staging): Promise<void> {
  const policies: Record<string, unknown> = {};
  for (const name of Object.keys(settings.pinned.facets.storage)) {
    const bucket = settings.environment.objectStore?.buckets[name];
    if (bucket === undefined) continue;
    try {
      policies[name] = (await readPolicy(clients, bucket)) ?? null;
    } catch (error) {
      // A bucket that is gone must not stand in the way of the rollback that brings it back.
      if (!isNoSuchBucket(error)) throw error;
    }
  }
  await staging.add("policies/policies.json", `${JSON.stringify(policies, null, 2)}\n`);
}
