import { join } from "node:path";
import { openClients, type Clients } from "../checks/clients";
import { redactor } from "../release/redact";
import type { Containers } from "../checks/containers";
import { releaseFiles } from "../records/release-file";
import type { Server } from "../recovery/server";
import { loadConfig, type Loaded } from "../release/config";
import type { Settings } from "../release/parse";
import type { ReleaseId } from "../release/primitives";
import { openStack, type EngineStack } from "./engine";
import { cameOfInterrupt, interrupted } from "./interrupted";
import { Refusal } from "./result";
import { openLog, type StackLog } from "./stack-file";
import { stackNames } from "./stack-names";

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
  const known = stackNames(folder);
  if (stack !== undefined && !known.includes(stack)) {
    throw new Refusal(`no stack ${stack}: there is no Pulumi.${stack}.yaml`, `one of: ${known.join(", ") || "none"}`);
  }
  const engine = await openStack(folder, stack);
  const config = await engine.config();
  const load = (pin: Record<string, string>) => loadConfig(engine.name, { ...config, ...pin }, releaseFiles(folder));
  const loaded = load({});
  return {
    ...loaded,
    engine,
    log: openLog(folder, engine.name, loaded.settings.environment.records, redactor(loaded.secrets)),
    folder,
    file: join(folder, `Pulumi.${engine.name}.yaml`),
    repinned: (release, pins) => load({ "rewind:release": release, "rewind:pins": JSON.stringify(pins) }).settings,
  };
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
