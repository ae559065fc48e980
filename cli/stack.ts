import { readFileSync } from "node:fs";
import { openClients, type Clients } from "../checks/clients";
import { redactor } from "../release/redact";
import type { Containers } from "../checks/containers";
import { releaseFiles } from "../records/release-file";
import type { Server } from "../recovery/server";
import { InvalidConfiguration, loadConfig, type Loaded } from "../release/config";
import type { Settings } from "../release/parse";
import type { ReleaseId } from "../release/primitives";
import { openStack, type EngineStack } from "./engine";
import { cameOfInterrupt, interrupted } from "./interrupted";
import { Refusal } from "./result";
import { nameInProject } from "../project/project";
import { readStackYaml, type StackYaml } from "../project/stack-yaml";
import { apartFromPin, openLog, settingsOf, stackIn, type StackLog, type StackPlace } from "./stack-file";

/** Where a verb works, and for which stack. */
export interface Where {
  /** The project's folder. */
  readonly folder: string;
  /** The stack's name; the selected one when undefined. */
  readonly stack: string | undefined;
}

/** A stack with all that verbs need to know of it. */
export interface OpenedStack extends Loaded {
  readonly engine: EngineStack;
  readonly log: StackLog;
  readonly folder: string;
  /** The stack file. */
  readonly file: string;
  /** The same stack with another pin, through the same parser and rules. Throws InvalidConfiguration. */
  readonly repinned: (release: ReleaseId, pins: Readonly<Record<string, ReleaseId>>) => Settings;
}

/**
 * Opens a stack: its configuration through the one parser, and its deployment log.
 * @throws Refusal, also when it was interrupted meanwhile; EngineError, InvalidConfiguration
 */
export async function open(where: Where, signal?: AbortSignal): Promise<OpenedStack> {
  const refuseInterrupted = async (): Promise<void> => {
    if (!(await cameOfInterrupt(signal))) return;
    throw new Refusal(`${interrupted}; nothing was touched`, "the same command again");
  };
  try {
    const opened = await read(where);
    await refuseInterrupted();
    return opened;
  } catch (error) {
    await refuseInterrupted();
    throw error;
  }
}

async function read({ folder, stack }: Where): Promise<OpenedStack> {
  const place = stackIn(folder, stack);
  const { file, project } = place;
  const filed = readStackYaml(readFileSync(file, "utf8"), project);
  const shown = nameInProject(project, file);
  if (filed.problems.length > 0) return refuseFile(folder, place, filed);
  const engine = await openStack(folder, place);
  const config = await engine.config();
  const loaded = loadConfig(shown, config, releaseFiles(folder), filed);
  const placed = apartFromPin(filed);
  return {
    ...loaded,
    engine,
    log: openLog(folder, engine.name, loaded.settings.environment.records, redactor(loaded.secrets)),
    folder,
    file,
    repinned: (release, pins) => {
      const pinned = { ...config, "rewind:release": release, "rewind:pins": JSON.stringify(pins) };
      return loadConfig(shown, pinned, releaseFiles(folder), { problems: [], placed }).settings;
    },
  };
}

/**
 * Tells what is wrong with a stack file that is not read as it is written, and what is wrong with its values besides, all
 * at once; as far as the engine can read it, with what its encrypted values say.
 * @throws InvalidConfiguration
 */
async function refuseFile(folder: string, place: StackPlace, filed: StackYaml): Promise<never> {
  const shown = nameInProject(place.project, place.file);
  const files = releaseFiles(folder);
  let told: unknown;
  try {
    // Where it is no YAML at all, the engine says so with its own words and no line.
    if (!filed.unreadable) loadConfig(shown, await (await openStack(folder, place)).config(), files, filed);
  } catch (error) {
    told = error;
  }
  if (told instanceof InvalidConfiguration) throw told;
  settingsOf(shown, filed, files);
  throw new InvalidConfiguration(shown, filed.problems);
}

/** Runs something with the stack's clients, closed afterwards, and a function that takes secrets out of texts. */
export async function withClients<T>(
  { settings, secrets, folder }: Loaded & { readonly folder?: string },
  work: (clients: Clients, redact: (text: string) => string) => Promise<T>,
): Promise<T> {
  const clients = openClients(settings.environment, secrets, folder);
  try {
    return await work(clients, redactor(secrets));
  } finally {
    await clients.close();
  }
}

/** The database server of a stack, and its administrator; undefined where the environment has no database. */
export function serverOf({ settings, secrets }: Loaded): Server | undefined {
  const { database } = settings.environment;
  if (database === undefined) return undefined;
  const { host, port, name, administrator, sslmode = "disable" } = database;
  const password = secrets[administrator.password] ?? "";
  return { host, port, sslmode, database: name, user: administrator.user, password };
}

/** The containers that the stack says it runs. */
export function containersOf(outputs: Record<string, unknown>): Containers {
  const { containers } = outputs;
  return typeof containers === "object" && containers !== null ? (containers as Containers) : {};
}
