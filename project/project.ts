import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { fieldsOf } from "../release/fields";
import { describeProblems, pathOf } from "../release/problems";
import { readYaml, type YamlFile, type YamlProblem } from "./yaml";

/** What the engine's project file says, as far as anything here asks for it. */
export interface Project {
  readonly name: string;
  /** The project file. */
  readonly file: string;
  /** Where the stack files are. */
  readonly stackFolder: string;
  /** What a stack file's name ends with: that of the project file. */
  readonly extension: string;
  /** The values of every stack that does not set them, by key with its namespace. */
  readonly values: Readonly<Record<string, unknown>>;
  /** What the project's file says of those values that the engine reads as another, by key with its namespace. */
  readonly problems: ReadonlyMap<string, readonly YamlProblem[]>;
  /** The line of such a value, further on at a path as problems have it. */
  lineOf(key: string, path: string): number;
  readonly backend: string | undefined;
}

/** The namespace of Rewind's keys, and the name of the project in its own checkout. */
export const namespace = "rewind";

/** Tells the program which file the engine was given in the place of the stack's own: `rewind preview` gives it a copy. */
export const stackFileVariable = "REWIND_STACK_FILE";

const extensions = [".json", ".yaml", ".yml"];

/**
 * The project of a folder. A folder without a project file is taken for Rewind's own.
 * @throws Error with one line for people, when the file is not one
 */
export function projectIn(folder: string): Project {
  const extension = extensions.find((each) => existsSync(join(folder, `Pulumi${each}`))) ?? ".yaml";
  const file = join(folder, `Pulumi${extension}`);
  const read = readYaml(existsSync(file) ? readFileSync(file, "utf8") : "{}");
  const [unread] = read.problems.filter(({ fatal }) => fatal);
  if (unread !== undefined) {
    const { keys, line, message } = unread;
    throw new Error(describeProblems(basename(file), [{ path: pathOf(keys), line, message }]));
  }
  const { name, stackConfigDir, config, backend } = fieldsOf(read.value);
  const own = typeof name === "string" && name !== "" ? name : namespace;
  // An old form: the folder of the stack files under `config`.
  const below = typeof config === "string" ? config : stackConfigDir;
  const url = fieldsOf(backend).url;
  return {
    name: own,
    file,
    stackFolder: typeof below === "string" ? join(folder, below) : folder,
    extension,
    ...valuesOf(own, fieldsOf(config), read),
    backend: typeof url === "string" && url !== "" ? url : undefined,
  };
}

/** A key's value, or its default; short forms stand for one of them. */
function valuesOf(
  project: string,
  config: Readonly<Record<string, unknown>>,
  file: YamlFile,
): Pick<Project, "values" | "problems" | "lineOf"> {
  const values: Record<string, unknown> = {};
  const problems = new Map<string, readonly YamlProblem[]>();
  const places = new Map<string, readonly string[]>();
  for (const [key, entry] of Object.entries(config)) {
    const long = typeof entry === "object" && entry !== null && !Array.isArray(entry);
    const inner = long ? (fieldsOf(entry).value === undefined ? ["default"] : ["value"]) : [];
    const { value = fieldsOf(entry).default } = long ? fieldsOf(entry) : { value: entry };
    if (value === undefined || value === null) continue;
    const full = key.includes(":") ? key : `${project}:${key}`;
    values[full] = value;
    const place = ["config", key, ...inner];
    places.set(full, place);
    const below = file.problems.filter(({ keys }) => place.every((each, index) => keys[index] === each));
    problems.set(
      full,
      below.map((problem) => ({ ...problem, keys: problem.keys.slice(place.length) })),
    );
  }
  return { values, problems, lineOf: (key, path) => file.lineOf(places.get(key) ?? [], path) };
}

/** The file of a stack, where the engine looks for it. */
export function stackFileOf({ stackFolder, extension }: Project, stack: string): string {
  return join(stackFolder, `Pulumi.${stack}${extension}`);
}

/** A file of the project as messages name it: below the project's folder. */
export const nameInProject = ({ file }: Pick<Project, "file">, path: string): string => relative(dirname(file), path);

/** The stacks that have a file in the project. */
export function stackNames({ stackFolder, extension }: Project): string[] {
  const names = existsSync(stackFolder) ? readdirSync(stackFolder) : [];
  return names.flatMap((name) => {
    const prefix = "Pulumi.";
    const inner =
      name.startsWith(prefix) && name.endsWith(extension) ? name.slice(prefix.length, -extension.length) : "";
    return /^[A-Za-z0-9_.-]+$/.test(inner) ? [inner] : [];
  });
}

/**
 * The stack that the engine's own commands work on: PULUMI_STACK, or what `pulumi stack select` wrote down.
 * @param backend the URL of the engine's backend, which may have a selection of its own
 */
export function selectedStack(
  project: Project,
  backend: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  if (env.PULUMI_STACK !== undefined && env.PULUMI_STACK !== "") return env.PULUMI_STACK;
  const home = env.PULUMI_HOME || join(homedir(), ".pulumi");
  for (const file of new Set([project.file, existsSync(project.file) ? realpathSync(project.file) : project.file])) {
    const path = createHash("sha1").update(file).digest("hex");
    const settings = join(home, "workspaces", `${project.name}-${path}-workspace.json`);
    if (!existsSync(settings)) continue;
    const { stack, stacks } = fieldsOf(JSON.parse(readFileSync(settings, "utf8")) as unknown);
    const selected = fieldsOf(stacks)[backend ?? ""] ?? stack;
    if (typeof selected === "string" && selected !== "") return selected;
  }
  return undefined;
}

/**
 * A stack's own name out of one that may be a full one: `local`, `organization/rewind/local`.
 * @returns undefined for a stack of another project, and for what is no name
 */
export function ownName(stack: string, project: Project): string | undefined {
  const parts = stack.split("/");
  if (parts.length > 3 || !parts.every((part) => /^[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(part)))
    return undefined;
  return parts.length < 3 || parts.at(-2) === project.name ? parts.at(-1) : undefined;
}
