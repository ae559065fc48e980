import { basename } from "node:path";
import { isScalar } from "yaml";
import { fieldsOf } from "../release/fields";
import { plainTexts } from "../release/config";
import { settingsKeys } from "../release/parse";
import { pathOf, type Problem } from "../release/problems";
import { quote } from "../release/primitives";
import { namespace, type Project } from "./project";
import { readYaml, type YamlFile } from "./yaml";

/** The configuration of a stack as its file and the project's file say, before the schema has looked at it. */
export interface StackYaml {
  /** Rewind's keys without their namespace; those that have no value are left out. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** Every key with its namespace, of Rewind or not. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly problems: readonly Problem[];
  /** Whether the engine cannot read the file either: nothing else is to be said of it. */
  readonly unreadable: boolean;
  /** A problem of a value, with the line, and the file where it is the project's, at which the value is written. */
  readonly placed: (problem: Problem) => Problem;
  /** The environments of Pulumi ESC that it imports: what they provide only the engine knows. */
  readonly environments: readonly string[];
  readonly file: YamlFile;
}

/** What of a project a stack's configuration needs. */
type ProjectValues = Pick<Project, "name" | "values"> & Partial<Pick<Project, "file" | "problems" | "lineOf">>;

/**
 * Reads the text of a stack file: the very values that the engine hands to the program. Where the two could differ, where a
 * value is encrypted that verbs have to read, and where a key is in a namespace that nothing reads, there is a problem.
 */
export function readStackYaml(text: string, project: ProjectValues): StackYaml {
  const file = readYaml(text);
  const unreadable = file.problems.some(({ fatal }) => fatal);
  const { config: filed, environment } = fieldsOf(file.value);
  const problems = file.problems.flatMap((problem): Problem[] => {
    const { keys, line, message, fatal } = problem;
    const key = keys[0] === "config" ? ownKey(keys[1] ?? "", project.name) : undefined;
    if (key === undefined) return fatal ? [{ path: pathOf(keys), line, message }] : [];
    return [{ path: pathOf([key, ...keys.slice(2)]), line, message: shownOf(key, message) }];
  });
  const config: Record<string, unknown> = { ...project.values };
  const given = new Map<string, string>();
  /** Where a value is written, by its key with the namespace and a path below it. */
  const placeOf = (full: string, rest = ""): Pick<Problem, "line" | "file"> => {
    const key = given.get(full);
    if (key !== undefined) return { line: file.lineOf(["config", key], rest) };
    if (!Object.hasOwn(project.values, full) || project.lineOf === undefined) return {};
    return { line: project.lineOf(full, rest), file: basename(project.file ?? "") };
  };
  for (const [key, value] of Object.entries(fieldsOf(filed))) {
    const full = fullKey(key, project.name);
    const before = given.get(full);
    if (before !== undefined) {
      const line = file.lineOf(["config", key]);
      problems.push({ path: key, line, message: `the same key as ${before}; keep one of them` });
    }
    given.set(full, key);
    config[full] = value;
  }
  if (!unreadable) problems.push(...problemsOfProject(project, given));
  const raw: Record<string, unknown> = {};
  for (const [full, value] of unreadable ? [] : Object.entries(config)) {
    const [space = "", name = ""] = full.split(/:(.*)/s);
    if (space === project.name && space !== namespace) {
      const message = misplaced(name, project.name, config);
      if (message !== undefined) problems.push({ ...placeOf(full), path: full, message });
    }
    if (space !== namespace) continue;
    if (!settingsKeys.includes(name)) {
      problems.push({ ...placeOf(full), path: pathOf([name]), message: noSuchKey });
      continue;
    }
    if (value === null) continue;
    raw[name] = value;
    if (name !== "secrets") problems.push(...encrypted(value, [name], (rest) => placeOf(full, rest)));
    if (plainTexts.has(name) && typeof value !== "string") {
      const source = sourceOf(file, given.get(full)) ?? quote(value);
      const message = `${source} is no text to YAML; quote it: "${source}"`;
      problems.push({ ...placeOf(full), path: name, message });
    }
  }
  const placed: StackYaml["placed"] = (problem) => {
    const [name = ""] = problem.path.split(".");
    const rest = problem.path.slice(name.length + 1);
    return problem.line !== undefined ? problem : { ...problem, ...placeOf(`${namespace}:${name}`, rest) };
  };
  return { raw, config, problems, unreadable, placed, environments: importsOf(environment), file };
}

/** What stands among the secrets may be one in clear. */
const shownOf = (key: string, message: string): string =>
  key === "secrets" ? "a value that Pulumi reads as another; quote it" : message;

/** What the project's file says of values that the stack file does not set itself. */
function problemsOfProject(
  { name, file = "", problems = new Map() }: ProjectValues,
  given: ReadonlyMap<string, string>,
) {
  return [...problems].flatMap(([full, noted]): Problem[] => {
    const key = ownKey(full, name);
    if (key === undefined || given.has(full)) return [];
    return noted.map(({ keys, line, message }) => {
      return { path: pathOf([key, ...keys]), line, file: basename(file), message: shownOf(key, message) };
    });
  });
}

/** What is said of a key under `rewind:` that means nothing. */
export const noSuchKey = `no such key; a stack has ${settingsKeys.join(", ")}`;

/** `release` is the project's `release`; `rewind:config:release` an old form of `rewind:release`. */
export function fullKey(key: string, project: string): string {
  if (!key.includes(":")) return `${project}:${key}`;
  const [, space, name] = /^([^:]*):config:([^:]*)$/.exec(key) ?? [];
  return space === undefined || name === undefined ? key : `${space}:${name}`;
}

/** The name of a key of ours; undefined for one of somebody else. */
function ownKey(key: string, project: string): string | undefined {
  const full = fullKey(key, project);
  return full.startsWith(`${namespace}:`) ? full.slice(namespace.length + 1) : undefined;
}

/**
 * Why a key of the project's own namespace is not read, where it looks like one of ours: the pin always, for
 * `pulumi config set release` writes it there, and any other that is missing under `rewind:`.
 */
export function misplaced(
  name: string,
  project: string,
  config: Readonly<Record<string, unknown>>,
): string | undefined {
  if (!settingsKeys.includes(name)) return undefined;
  if (name !== "release" && Object.hasOwn(config, `${namespace}:${name}`)) return undefined;
  const value = config[`${project}:${name}`];
  const move = `pulumi config rm ${project}:${name}`;
  return plainTexts.has(name) && typeof value === "string" && /^[\w.+-]+$/.test(value)
    ? `Rewind reads ${namespace}:${name}; type: pulumi config set ${namespace}:${name} ${value} && ${move}`
    : `Rewind reads ${namespace}:${name}; rename the key`;
}

/** The engine takes an object whose one key is `secure` for a ciphertext, wherever it stands. */
function encrypted(
  value: unknown,
  at: readonly string[],
  placeOf: (rest: string) => Pick<Problem, "line" | "file">,
): Problem[] {
  if (typeof value !== "object" || value === null) return [];
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === "secure" && typeof first[1] === "string" && !Array.isArray(value)) {
    const message =
      "an object with the one key secure is an encrypted value to Pulumi; secrets belong under rewind:secrets, and data needs another key beside it";
    return [{ path: pathOf(at), ...placeOf(pathOf(at.slice(1))), message }];
  }
  return entries.flatMap(([key, inner]) => encrypted(inner, [...at, key], placeOf));
}

function sourceOf({ document }: YamlFile, key: string | undefined): string | undefined {
  const node: unknown = key === undefined ? undefined : document.getIn(["config", key], true);
  return isScalar(node) ? String(node.value) : undefined;
}

function importsOf(environment: unknown): string[] {
  const imports = Array.isArray(environment) ? environment : fieldsOf(environment).imports;
  const listed = Array.isArray(imports) ? imports.map((each) => (typeof each === "string" ? each : "…")) : [];
  const own = Object.keys(fieldsOf(environment)).some((key) => key !== "imports");
  return own ? [...listed, "its own"] : listed;
}
