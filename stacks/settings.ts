import * as pulumi from "@pulumi/pulumi";
import { allConfig } from "@pulumi/pulumi/runtime";
import { existsSync, readFileSync } from "node:fs";
import { nameInProject, namespace, projectIn, stackFileOf, stackFileVariable } from "../project/project";
import { misplaced, readStackYaml, type StackYaml } from "../project/stack-yaml";
import { releaseFiles } from "../records/release-file";
import { canonicalJson } from "../release/canonical";
import { engineBytes, sizeWarning } from "../release/size";
import { InvalidConfiguration, loadConfig, type Loaded } from "../release/config";
import type { Problem } from "../release/problems";

/**
 * Everything under `rewind:` in the stack's configuration; the only place that reads it.
 * @throws pulumi.RunError with every problem and its path in the stack file: the engine prints it without a stack trace
 */
export function loadSettings(): Loaded {
  const config = allConfig();
  const { name, filed } = stackFile();
  const problems = [...(filed?.problems ?? []), ...misplacedIn(config)];
  // A value may be large, and have thousands of problems.
  const ofFile = new Map<string, boolean>();
  const isOfFile = (name: string, file: StackYaml): boolean => {
    const known = ofFile.get(name) ?? isFiled(file, name, config);
    ofFile.set(name, known);
    return known;
  };
  const placed = (problem: Problem): Problem =>
    filed !== undefined && isOfFile(problem.path.split(".")[0] ?? "", filed) ? filed.placed(problem) : problem;
  try {
    const paths = new Set<string>();
    const unique = problems.filter(({ path }) => paths.size !== paths.add(path).size);
    const loaded = loadConfig(name, config, releaseFiles(process.cwd()), { problems: unique, placed });
    if (filed !== undefined) tellOfOthers(filed, config);
    return loaded;
  } catch (error) {
    if (error instanceof InvalidConfiguration) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/** The stack file, where there is one: the engine tells a date or an octal by its value alone, and the file by its text. */
function stackFile(): { readonly name: string; readonly filed?: StackYaml } {
  const project = projectIn(process.cwd());
  const own = stackFileOf(project, pulumi.getStack());
  const file = process.env[stackFileVariable] ?? own;
  // The copy that a preview reads is gone when a person looks.
  const name = nameInProject(project, own);
  return existsSync(file) ? { name, filed: readStackYaml(readFileSync(file, "utf8"), project) } : { name };
}

/** `pulumi config set release` in a project of another name writes a key that nothing would read. */
function misplacedIn(config: Readonly<Record<string, string>>): Problem[] {
  const project = pulumi.getProject();
  if (project === namespace) return [];
  return Object.keys(config).flatMap((path) => {
    const name = path.startsWith(`${project}:`) ? path.slice(project.length + 1) : "";
    const message = misplaced(name, project, config);
    return message === undefined ? [] : [{ path, message }];
  });
}

/** Verbs read the file; what Pulumi ESC or another file sets, they do not know. */
function tellOfOthers(filed: StackYaml, config: Readonly<Record<string, string>>): void {
  const others = Object.keys(config).filter((key) => {
    const name = key.startsWith(`${namespace}:`) ? key.slice(namespace.length + 1) : "secrets";
    return !isFiled(filed, name, config);
  });
  if (others.length === 0) return;
  void pulumi.log.warn(
    `${others.join(", ")}: not as in the stack file, so from Pulumi ESC or --config-file; rewind's own verbs read the stack file`,
  );
}

/** Whether a value is the one of the stack file; of secrets, which are encrypted there, nothing else is known. */
function isFiled({ raw }: StackYaml, name: string, config: Readonly<Record<string, string>>): boolean {
  const filed = raw[name];
  const text = config[`${namespace}:${name}`] ?? "";
  if (name === "secrets" || (text === "" && filed === undefined)) return true;
  if (typeof filed === "string") return filed === text;
  return filed !== undefined && canonicalJson(filed) === canonicalOf(text);
}

function canonicalOf(text: string): string {
  try {
    return canonicalJson(JSON.parse(text));
  } catch {
    return text;
  }
}

/** Says so when the configuration comes near what the engine can hand over: past it the program does not even start. */
export function warnOfSize(): void {
  const warning = sizeWarning(engineBytes(allConfig()));
  if (warning !== undefined) void pulumi.log.warn(warning);
}
