import * as fs from "node:fs";
import * as path from "node:path";
import type { Machine } from "./machine";
import type { Ports } from "./ports";
import type { PartName } from "./source";
import { readJson, writeJson } from "./state";

/** What `up` and `down` say while they work; the command line prints it. `milliseconds` is how long the part took. */
export interface Progress {
  readonly part: PartName | "environment";
  readonly state: "note" | "ready" | "stopped" | "failed";
  readonly message: string;
  readonly milliseconds?: number;
}

/** What containers reach the host's servers at, and what those servers listen on for it. */
export interface Gateway {
  /** Addresses of this host: loopback, and the bridge when it is this host's own. */
  readonly listen: readonly string[];
  /** An address, or Docker Desktop's name for the host. */
  readonly forContainers: string;
}

/** Without an engine of its own nothing but loopback is listened on. */
export const loopbackOnly: Gateway = { listen: ["127.0.0.1"], forContainers: "127.0.0.1" };

/** A Docker engine that answers. */
export interface DockerEngine {
  readonly host: string;
  readonly gateway: string;
}

/** What a part is given to work with. */
export interface Context {
  readonly checkout: string;
  readonly id: string;
  /** The absolute state folder; a part keeps to the sub folder of its name. */
  readonly folder: string;
  readonly cache: string;
  readonly machine: Machine;
  /** The variables that `up` was called with; `DOCKER_HOST` and `PULUMI_HOME` say what is there already. */
  readonly env: NodeJS.ProcessEnv;
  readonly ports: Ports;
  readonly signal: AbortSignal;
  readonly note: (part: PartName, message: string) => void;
  /** Known before the engine answers, so that the other parts start beside it. */
  readonly gateway: Promise<Gateway>;
  readonly announceGateway: (gateway: Gateway) => void;
  /** Nothing when this machine has no Docker engine. */
  readonly docker: Promise<DockerEngine | undefined>;
  /** Nothing when this machine has no Pulumi CLI. */
  readonly pulumi: Promise<{ readonly bin: string } | undefined>;
}

/** One part of the environment. `T` is its entry in the environment; what it needs next time it keeps in its folder. */
export interface Part<T> {
  readonly name: PartName;
  /** Finds the part, starts it if it is a server, and returns when it answers. */
  start(context: Context): Promise<T>;
  /** What runs and where, in a few words without secrets. */
  describe(running: T): string;
  /** Whether what `start` returned still answers; takes milliseconds and never throws. */
  answers(context: Context, running: T): Promise<boolean>;
  /** Stops what `start` started; fine when nothing runs. */
  stop(context: Pick<Context, "id" | "folder" | "machine">): Promise<void>;
}

/** The part's own folder, made if need be, readable by its owner only. */
export function folderOf(context: Pick<Context, "folder">, part: PartName): string {
  const folder = path.join(context.folder, part);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/**
 * What a part must remember from start to start: its port and its secrets. Kept when the environment is down, so that
 * data and the users' settings stay valid; gone with `down --purge`.
 */
export function remembered<T extends object>(context: Pick<Context, "folder">, part: PartName): Partial<T> {
  const value = readJson(path.join(folderOf(context, part), "settings.json"));
  return typeof value === "object" && value !== null ? value : {};
}

/** Writes what `remembered` returns. */
export function remember(context: Pick<Context, "folder">, part: PartName, settings: object): void {
  writeJson(path.join(folderOf(context, part), "settings.json"), settings);
}
