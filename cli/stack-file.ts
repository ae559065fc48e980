import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { LogHeld } from "../records/lock";
import type { DeploymentLog } from "../records/log";
import { openLogAt } from "../records/open-log";
import { placeOf } from "../records/place";
import { releaseFiles } from "../records/release-file";
import { InvalidConfiguration } from "../release/config";
import { parseSettings, settingsKeys, type Settings } from "../release/parse";
import { pathOf, type Problem } from "../release/problems";
import type { ReleaseId } from "../release/primitives";
import { recordsFolder, type Records } from "../release/schema/store";
import { engineBytes } from "../release/size";
import { writeOrRefuse } from "./disk";
import { Refusal } from "./result";
import type { Where } from "./stack";
import { stackNames } from "./stack-names";

/** A stack as its file says, without an engine, a network or the values of its secrets. */
export interface FiledStack {
  readonly name: string;
  readonly folder: string;
  readonly file: string;
  /** The stack file as it was read. */
  readonly text: string;
  readonly settings: Settings;
  readonly log: StackLog;
  /** Reads a file of the project; throws with one line for people. */
  readonly readFile: (path: string) => unknown;
  /** The same stack with another pin, through the same parser and rules. Throws InvalidConfiguration. */
  readonly repinned: (release: ReleaseId, pins: Readonly<Record<string, ReleaseId>>) => Settings;
}

/**
 * Reads a stack from its file alone, through the one parser.
 * @param also releases that are read beside the pinned ones
 * @throws Refusal when there is no such stack, or several and none is named; InvalidConfiguration
 */
export function readStack({ folder, stack }: Where, also: readonly ReleaseId[] = []): FiledStack {
  const name = stackIn(folder, stack);
  const file = join(folder, `Pulumi.${name}.yaml`);
  const text = readFileSync(file, "utf8");
  const readFile = releaseFiles(folder);
  const own = ownKeys(name, text);
  const settings = settingsOf(name, own, readFile, also);
  const log = openLog(folder, name, settings.environment.records);
  const repinned: FiledStack["repinned"] = (release, pins) =>
    settingsOf(name, { ...own, raw: { ...own.raw, release, pins } }, readFile);
  return { name, folder, file, text, settings, log, readFile, repinned };
}

/**
 * The settings that the text of a stack file holds.
 * @throws InvalidConfiguration with every problem
 */
export function settingsIn(
  name: string,
  text: string,
  folder: string,
  also: readonly ReleaseId[] = [],
  readFile: (path: string) => unknown = releaseFiles(folder),
): Settings {
  return settingsOf(name, ownKeys(name, text), readFile, also);
}

function settingsOf(
  name: string,
  { raw, problems }: OwnKeys,
  readFile: (path: string) => unknown,
  also: readonly ReleaseId[] = [],
): Settings {
  const parsed = parseSettings(raw, readFile, { also, unknown: ["secrets"] });
  const all = parsed.ok ? problems : [...problems, ...parsed.problems];
  if (!parsed.ok || all.length > 0) throw new InvalidConfiguration(`Pulumi.${name}.yaml`, all);
  return parsed.settings;
}

/** How many bytes the engine would hand the configuration of a stack file over in. */
export function configBytes(text: string): number {
  const { config } = parse(text, { maxAliasCount: 1_000, logLevel: "error" }) as { config?: Record<string, unknown> };
  return engineBytes(config ?? {});
}

/** A deployment log, and the folder of what is kept in files beside it. */
export interface StackLog extends DeploymentLog {
  readonly folder: string;
}

/**
 * The deployment log that the gates of a stack write. Its `append` throws a Refusal where its folder takes no more, and
 * where another process does not let go of it.
 * @param redact takes the values of secrets out of a text; undefined where nothing is known of them
 */
export function openLog(
  folder: string,
  stack: string,
  records?: Records,
  redact: (text: string) => string = (text) => text,
): StackLog {
  const kept = join(folder, recordsFolder(records));
  const log = openLogAt(placeOf(records, folder), stack, redact);
  const append: DeploymentLog["append"] = (draft) => {
    try {
      return writeOrRefuse(kept, () => log.append(draft));
    } catch (error) {
      if (!(error instanceof LogHeld)) throw error;
      throw new Refusal(error.message, "wait for it, or end it; then the same command again", "locked");
    }
  };
  return { ...log, folder: kept, append };
}

/**
 * The stack that is meant: the only one where none is named.
 * @throws Refusal when there is no such stack, or several and none is named
 */
export function stackIn(folder: string, stack: string | undefined): string {
  const known = stackNames(folder);
  const [only] = known;
  const listed = known.join(", ") || "none";
  if (stack !== undefined && !known.includes(stack)) {
    throw new Refusal(`no stack ${stack}: there is no Pulumi.${stack}.yaml`, `one of: ${listed}`);
  }
  if (stack !== undefined) return stack;
  if (known.length === 1 && only !== undefined) return only;
  throw new Refusal("no stack is named", `say --stack; there are: ${listed}`);
}

interface OwnKeys {
  /** By key, without the namespace. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** The keys that no stack has. */
  readonly problems: readonly Problem[];
}

/** What stands under `rewind:` in a stack file. Throws InvalidConfiguration when it is not YAML. */
function ownKeys(stack: string, text: string): OwnKeys {
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 1_000, logLevel: "error" });
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "unreadable";
    throw new InvalidConfiguration(`Pulumi.${stack}.yaml`, [{ path: "", message: reason }]);
  }
  const { config } = (document ?? {}) as { config?: unknown };
  const raw: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const [key, value] of Object.entries(typeof config === "object" && config !== null ? config : {})) {
    if (!key.startsWith("rewind:")) continue;
    const name = key.slice("rewind:".length);
    if (settingsKeys.includes(name)) raw[name] = value;
    else problems.push({ path: pathOf([name]), message: `no such key; a stack has ${settingsKeys.join(", ")}` });
  }
  // They are encrypted, as one or one by one, and may not be set yet: whether they are there the engine's reader asks.
  delete raw.secrets;
  return { raw, problems };
}
