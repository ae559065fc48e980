import * as zlib from "node:zlib";
import { projectIn } from "../project/project";
import { parseYaml } from "../project/yaml";
import { z } from "zod";
import type { Intent } from "../records/entry";
import { openBackendFiles, type BackendFiles } from "./backend-files";
import { backendUrl, describeBackend, parseBackendUrl } from "./backend-url";
import { Refusal } from "./result";

/** An update as the engine wrote it down at its end. */
const Kept = z.looseObject({
  kind: z.string(),
  /** Seconds since 1970. */
  startTime: z.int(),
  endTime: z.int(),
  message: z.string().default(""),
  environment: z.record(z.string(), z.string()).default({}),
  /** As it stands in a stack file: secrets are ciphertext. */
  config: z.record(z.string(), z.unknown()).default({}),
  result: z.string(),
  resourceChanges: z.record(z.string(), z.int()).nullish(),
});

/** An update of a stack that the engine kept. Its times are ISO 8601, UTC, to the second. */
export interface Update {
  /** What the engine's files of it are called, such as `prod-1795246497730025307`. */
  readonly id: string;
  readonly kind: string;
  readonly start: string;
  readonly end: string;
  readonly message: string;
  readonly result: string;
  readonly resourceChanges: Readonly<Record<string, number>>;
  /** Who ran what, as the engine noted it: `git.head`, `pulumi.version`, names of flags. */
  readonly environment: Readonly<Record<string, string>>;
  /** The stack's configuration as the update had it; secrets are ciphertext. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** What the engine keeps of a stack's past. */
export interface UpdateArchive {
  /** In a few words, without a password. */
  readonly place: string;
  /** Every update that ended at this time or later, oldest first. */
  updates(since: Date): Promise<Update[]>;
  /** The state that an update left, as the engine's file has it. Throws a Refusal when there is none. */
  checkpoint(update: Pick<Update, "id">): Promise<string>;
  close(): Promise<void>;
}

/**
 * Opens the archive of a stack in the backend that the engine uses for the project.
 * @throws Refusal when that is none whose files can be read
 */
export async function openUpdates(folder: string, stack: string): Promise<UpdateArchive> {
  const backend = parseBackendUrl(backendUrl(folder), folder);
  const { name } = projectIn(folder);
  return updatesIn(await openBackendFiles(backend), describeBackend(backend), name, stack);
}

/** How many updates are read at a time: a store far away takes its time for each. */
const atOnce = 8;

/** The archive of a stack in a backend's files. */
export function updatesIn(backend: BackendFiles, place: string, project: string, stack: string): UpdateArchive {
  const files = answering(backend, place);
  let found: Promise<string> | undefined;
  const folder = () => (found ??= historyFolder(files, project, stack));
  const next = `pulumi stack history --stack ${stack}`;
  const read = async (id: string, kind: "history" | "checkpoint"): Promise<string> => {
    for (const extension of ["json", "json.gz", "json.zst"]) {
      const path = `${await folder()}/${id}.${kind}.${extension}`;
      const bytes = await files.read(path);
      if (bytes !== undefined) return unpacked(bytes, path);
    }
    throw new Refusal(`the engine keeps no ${kind} of the update ${id} any more, in ${place}`, next);
  };
  return {
    place,
    updates: async (since) => {
      const names = await files.names(await folder());
      const ids = names.flatMap((name) => /^(.*)\.history\.json(?:\.gz|\.zst)?$/.exec(name)?.[1] ?? []);
      // They are named by the time at which they were written, just after the update's end.
      const after = [...new Set(ids)].filter((id) => nanosecondsOf(id) >= BigInt(since.getTime()) * 1_000_000n).sort();
      const updates: Update[] = [];
      for (let first = 0; first < after.length; first += atOnce) {
        const some = after.slice(first, first + atOnce);
        updates.push(...(await Promise.all(some.map(async (id) => updateOf(id, await read(id, "history"), next)))));
      }
      return updates;
    },
    checkpoint: (update) => read(update.id, "checkpoint"),
    close: () => files.close(),
  };
}

/** The same files; what a client throws is said as where, what, what next. */
function answering(files: BackendFiles, place: string): BackendFiles {
  const refuse = (error: Error & { code?: string }): never => {
    // An error for several addresses at once has no message of its own.
    const reason = error.message || error.code || error.name;
    throw new Refusal(`the engine's backend cannot be read: ${place}: ${reason}`, "pulumi whoami --verbose");
  };
  return {
    names: (folder) => files.names(folder).catch(refuse),
    read: (path) => files.read(path).catch(refuse),
    close: () => files.close(),
  };
}

/** Before Pulumi 3.61 projects had no folders of their own; a backend from then may still stand so. */
async function historyFolder(files: BackendFiles, project: string, stack: string): Promise<string> {
  const meta = await files.read(".pulumi/meta.yaml");
  const { version = 0 } =
    meta === undefined ? {} : (parseYaml(meta.toString("utf8"), ".pulumi/meta.yaml") as { version?: number });
  return version === 0 ? `.pulumi/history/${stack}` : `.pulumi/history/${project}/${stack}`;
}

function nanosecondsOf(id: string): bigint {
  return BigInt(/-(\d{1,19})$/.exec(id)?.[1] ?? 0);
}

/** What a file of the engine may unpack to: a megabyte of nothing but zeros is packed into a thousandth. */
const most = { maxOutputLength: 256 * 1024 * 1024 };

function unpacked(bytes: Buffer, path: string): string {
  const magic = bytes.toString("hex", 0, 4);
  const isZstandard = magic === "28b52ffd";
  try {
    if (magic.startsWith("1f8b")) return zlib.gunzipSync(bytes, most).toString("utf8");
    // From Node 22.15 on.
    const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (bytes: Buffer, options: typeof most) => Buffer };
    if (isZstandard && zstdDecompressSync !== undefined) return zstdDecompressSync(bytes, most).toString("utf8");
  } catch (error) {
    const isLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    const why = isLarge ? `it unpacks to more than ${most.maxOutputLength} bytes` : (error as Error).message;
    throw new Refusal(`${path} cannot be unpacked: ${why}`, "a backup of the backend");
  }
  if (isZstandard)
    throw new Refusal(`${path} is packed with zstd, which this Node cannot unpack`, "Node 22.15 or newer");
  return bytes.toString("utf8");
}

function updateOf(id: string, text: string, next: string): Update {
  const parsed = Kept.safeParse(jsonOf(text));
  if (!parsed.success) {
    const { path = [], message = "unreadable" } = parsed.error.issues[0] ?? {};
    throw new Refusal(`what the engine kept of the update ${id} cannot be read: ${path.join(".")}: ${message}`, next);
  }
  const { kind, startTime, endTime, message, result, resourceChanges, environment, config } = parsed.data;
  const [start, end] = [startTime, endTime].map((seconds) => new Date(seconds * 1_000).toISOString());
  const times = { start: start ?? "", end: end ?? "" };
  return { id, kind, ...times, message, result, resourceChanges: resourceChanges ?? {}, environment, config };
}

/** Undefined for what is no JSON: the schema says the rest. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * The update that a deployment was part of: the only one that ran when its intent was written. The engine's times are
 * whole seconds, so an intent of the second in which an update began or ended counts as written during it.
 * @throws Refusal when there is none or more than one, which it then names; or when it applied another release
 */
export function matchUpdate({ id, at, to, stack }: Intent, updates: readonly Update[]): Update {
  const next = `pulumi stack history --stack ${stack}`;
  const second = Math.floor(Date.parse(at) / 1_000) * 1_000;
  const found = updates.filter(
    ({ kind, start, end }) => kind === "update" && Date.parse(start) <= second && second <= Date.parse(end),
  );
  const [update, other] = found;
  if (update === undefined) {
    const why = "one that was killed leaves none, and one that is under way not yet";
    throw new Refusal(`the engine kept no update that ran at ${at}, when ${id} was written: ${why}`, next);
  }
  if (other !== undefined) {
    const candidates = found.map(({ id, start, end }) => `${id} (${start} to ${end})`).join(", ");
    throw new Refusal(`${found.length} updates ran at ${at}, when ${id} was written: ${candidates}`, next);
  }
  const pinned = update.config["rewind:release"];
  if (pinned === to.release) return update;
  const said = typeof pinned === "string" ? pinned : "no release";
  throw new Refusal(
    `the update ${update.id}, which ran at ${at}, pinned ${said}, and ${id} pinned ${to.release}`,
    next,
  );
}
