import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import {
  nameInProject,
  namespace,
  ownName,
  projectIn,
  selectedStack,
  stackFileOf,
  stackNames,
  type Project,
} from "../project/project";
import { readStackYaml, type StackYaml } from "../project/stack-yaml";
import type { Entry } from "../records/entry";
import { LogHeld } from "../records/lock";
import type { DeploymentLog } from "../records/log";
import { openLogAt } from "../records/open-log";
import { placeOf } from "../records/place";
import { releaseFiles } from "../records/release-file";
import { logFilesAt, renamedFrom, type Renamed } from "../records/renamed-stack";
import { InvalidConfiguration, toldOnce } from "../release/config";
import { parseSettings, type Settings } from "../release/parse";
import type { Problem } from "../release/problems";
import type { ReleaseId } from "../release/primitives";
import { recordsFolder, type Records } from "../release/schema/store";
import { engineBytes } from "../release/size";
import { backendFor } from "./backend-url";
import { writeOrRefuse } from "./disk";
import { Refusal } from "./result";
import type { Where } from "./stack";

/** A stack as its file says, without an engine, a network or the values of its secrets. */
export interface FiledStack {
  readonly name: string;
  readonly folder: string;
  readonly file: string;
  /** The stack file as it was read. */
  readonly text: string;
  readonly settings: Settings;
  readonly log: StackLog;
  /** The environments of Pulumi ESC that the file imports. */
  readonly environments: readonly string[];
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
  const { name, file, project } = stackIn(folder, stack);
  const text = readFileSync(file, "utf8");
  const readFile = releaseFiles(folder);
  const own = readStackYaml(text, project);
  const shown = nameInProject(project, file);
  const settings = settingsOf(shown, own, readFile, also);
  const log = openLog(folder, name, settings.environment.records);
  const repinned: FiledStack["repinned"] = (release, pins) =>
    settingsOf(shown, { ...own, placed: apartFromPin(own), raw: { ...own.raw, release, pins } }, readFile);
  return { name, folder, file, text, settings, log, environments: own.environments, readFile, repinned };
}

/** Places for problems of a stack with another pin than its file has: of the pin itself the file has no line. */
export const apartFromPin =
  ({ placed }: Pick<StackYaml, "placed">): StackYaml["placed"] =>
  (problem) =>
    /^(?:release|pins)\b/.test(problem.path) ? problem : placed(problem);

/**
 * The settings that the text of a stack file holds, of one that is not in its place: from a backup, or not written yet. Its
 * problems have no lines, for nobody could look them up.
 * @throws InvalidConfiguration with every problem
 */
export function settingsIn(
  name: string,
  text: string,
  folder: string,
  also: readonly ReleaseId[] = [],
  readFile: (path: string) => unknown = releaseFiles(folder),
): Settings {
  const project = projectIn(folder);
  const own = readStackYaml(text, project);
  const placed: StackYaml["placed"] = (problem) => problem;
  return settingsOf(nameInProject(project, stackFileOf(project, name)), { ...own, placed }, readFile, also);
}

/**
 * The settings of a stack file, without the values of its secrets.
 * @param file its name, for messages
 * @throws InvalidConfiguration with every problem
 */
export function settingsOf(
  file: string,
  { raw, problems, placed, unreadable, environments }: StackYaml,
  readFile: (path: string) => unknown,
  also: readonly ReleaseId[] = [],
): Settings {
  // Of a file that is no YAML nothing else is known.
  if (unreadable) throw new InvalidConfiguration(file, problems);
  // They are encrypted, as one or one by one, and may not be set yet: whether they are there the engine's reader asks.
  const open = Object.fromEntries(Object.entries(raw).filter(([key]) => key !== "secrets"));
  const parsed = parseSettings(open, readFile, { also, unknown: ["secrets"] });
  if (parsed.ok && problems.length === 0) return parsed.settings;
  const all = toldOnce(problems, parsed.ok ? [] : parsed.problems.map(placed));
  throw new InvalidConfiguration(file, environments.length === 0 ? all : [...all, imported(environments)]);
}

/** What is missing in the file may come from there. */
function imported(environments: readonly string[]): Problem {
  return { path: "environment", message: `${importedWords(environments)}; put Rewind's keys into the stack file` };
}

/** What is said of environments that a stack file imports. */
export const importedWords = (environments: readonly string[]): string =>
  `imports ${environments.join(", ")} from Pulumi ESC, whose values only pulumi knows`;

/** Whether a stack without an entry in its log may have had another name; undefined where it has a log. */
export function renamedStack(
  { name, folder, settings }: Pick<FiledStack, "name" | "folder" | "settings">,
  entries: readonly Entry[],
): Renamed | undefined {
  // A backup is made of a stack under whatever name.
  if (entries.some(({ kind }) => kind !== "backup")) return undefined;
  return renamedFrom(folder, name, logFilesAt(placeOf(settings.environment.records, folder)));
}

/** The configuration that the text of a stack file holds, by key with its namespace. */
export const configIn = (text: string): Readonly<Record<string, unknown>> =>
  readStackYaml(text, { name: namespace, values: {} }).config;

/** How many bytes the engine would hand the configuration of a stack file over in. */
export const configBytes = (text: string): number => engineBytes(configIn(text));

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

/** A stack, and where the engine looks for what is said of it. */
export interface StackPlace {
  /** Its own name, without organization and project. */
  readonly name: string;
  /** As it was named, for the engine. */
  readonly reference: string;
  readonly file: string;
  readonly project: Project;
}

/**
 * The stack that is meant: the one that is named, or else the one that `pulumi` has selected, or else the only one.
 * @throws Refusal when there is no such stack, or several and none is named
 */
export function stackIn(folder: string, stack: string | undefined): StackPlace {
  const project = readProject(folder);
  const names = stackNames(project);
  const listed = names.join(", ") || "none";
  const reference = stack ?? selectedStack(project, backendFor(folder)) ?? (names.length === 1 ? names[0] : undefined);
  if (reference === undefined) throw new Refusal("no stack is named or selected", `say --stack; there are: ${listed}`);
  const name = ownName(reference, project);
  if (name === undefined) {
    throw new Refusal(`${reference} is a stack of another project than ${project.name}`, `one of: ${listed}`);
  }
  const file = stackFileOf(project, name);
  if (!names.includes(name)) {
    throw new Refusal(`no stack ${name}: there is no ${relative(folder, file)}`, `one of: ${listed}`);
  }
  return { name, reference, file, project };
}

/** An unreadable project file is the first thing to mend. */
export function readProject(folder: string): Project {
  try {
    return projectIn(folder);
  } catch (error) {
    throw new Refusal(error instanceof Error ? error.message : String(error), "correct the project file");
  }
}
