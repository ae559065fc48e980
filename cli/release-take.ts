import { readFileSync, statSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import { nameInProject, namespace, type Project } from "../project/project";
import { blockText } from "../project/stack-edit";
import { fullKey, readStackYaml, type StackYaml } from "../project/stack-yaml";
import { parseYaml, readYaml } from "../project/yaml";
import { writeAtomically } from "../records/atomic-file";
import { plainFiles, writeProjectFile, type PlainFiles } from "../records/project-file";
import { broughtKeys, differences } from "../release/brought";
import { canonicalJson } from "../release/canonical";
import { InvalidConfiguration } from "../release/config";
import { fieldsOf } from "../release/fields";
import { limits } from "../release/limits";
import type { Settings } from "../release/parse";
import { describeProblems, pathOf, type Problem } from "../release/problems";
import { quote, type ReleaseId } from "../release/primitives";
import { BroughtFiles } from "./brought-files";
import { writeOrRefuse } from "./disk";
import { exitCodes } from "./exit-codes";
import type { ReleaseTakeJson } from "./json/release";
import { Refusal, type VerbResult } from "./result";
import { settingsOf, stackIn } from "./stack-file";
import type { Where } from "./stack";

/** The keys that are taken, as the engine has them. */
const taken: ReadonlySet<string> = new Set(broughtKeys.map((key) => `${namespace}:${key}`));

/** What to do about a difference, and about releases that cannot be taken as they are. */
const apart =
  "a pull request of its own for what is named, or the base merged into this one; then the same command again";
const mend = "correct what is named, then the same command again";
const cannot = "The releases cannot be taken as they are.";

/**
 * `rewind release take <folder>`: what another checkout changes of the stack's releases, taken into this one. Nothing of that
 * checkout is run or followed, and whatever else it changes is refused, so that this checkout's code can be asked about it
 * with this checkout's hosts and secrets.
 * @param from the other checkout
 * @throws Refusal with every difference that is not taken; nothing was written
 */
export function takeReleases(where: Where, from: string): VerbResult<ReleaseTakeJson> {
  const { name, file, project } = stackIn(where.folder, where.stack);
  const shown = nameInProject(project, file).split(sep).join("/");
  const here = plainFiles(where.folder);
  const theirs = otherCheckout(from);
  const base = readStackYaml(readFileSync(file, "utf8"), project);
  if (base.problems.length > 0) throw new InvalidConfiguration(shown, base.problems);
  const bytes = attempt(() => theirs.read(shown, limits.fileBytes));
  if (bytes === undefined) throw refusal(cannot, [`${from}: no file ${shown}: the stack is gone, or has another name`]);
  const branch = readStackYaml(bytes.toString("utf8"), project);
  const there = `${from}/${shown}`;
  if (branch.problems.length > 0) throw refusal(cannot, [describeProblems(there, branch.problems)]);
  refuseDifferences(from, there, project, theirs, base, branch);

  const files = new BroughtFiles(here, theirs);
  const known = attempt(() => settingsOf(shown, base, (path) => parsed(path, files.here(path))), true);
  const read = (path: string): unknown => parsed(path, files.bring(path, "release"));
  const parse = (also: readonly ReleaseId[]): Settings => attempt(() => settingsOf(there, branch, read, also));
  const changes = changedReleases(known, parse([]));
  const settings = parse([...changes.added, ...changes.changed]);
  files.bringAll(settings, [...changes.added, ...changes.changed]);
  if (files.problems.length > 0) throw refusal(cannot, files.problems);

  const text = merged(project, base, branch);
  const keys = broughtKeys.filter((key) => differences(base.raw[key], branch.raw[key]).length > 0);
  const brought = [...files.brought.keys()].sort();
  const json = { stack: name, keys, ...changes, files: brought };
  if (keys.length === 0 && brought.length === 0) {
    const said = `Nothing to take: the releases of ${name} are the same in ${from}.`;
    return { code: exitCodes.ok, text: said, json };
  }
  writeOrRefuse(where.folder, () => {
    for (const [path, content] of files.brought) writeProjectFile(where.folder, path, content);
    if (keys.length > 0) writeAtomically(file, text);
  });
  const list = (title: string, each: readonly string[]): string[] =>
    each.length === 0 ? [] : [`${title}: ${each.join(", ")}`];
  const lines = [
    `Took from ${from}: ${keys.join(", ") || "files alone"}`,
    ...list("Added", changes.added),
    ...list("Changed", changes.changed),
    ...list("Removed", changes.removed),
    ...list("Written", [...(keys.length > 0 ? [shown] : []), ...brought]),
    `Next: rewind can-rollback --stack ${name}`,
  ];
  return { code: exitCodes.ok, text: lines.join("\n"), json };
}

function otherCheckout(from: string): PlainFiles {
  const folder = resolve(from);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new Refusal(`no folder ${from}`, "rewind release take <folder>, another checkout of the project");
  }
  return plainFiles(folder);
}

function refusal(intro: string, problems: readonly string[], next = mend): Refusal {
  const most = 50;
  const more = problems.length > most ? [`and ${problems.length - most} more`] : [];
  return new Refusal([`${intro} Nothing was written.`, ...problems.slice(0, most), ...more].join("\n"), next);
}

/** What work on the other checkout's files gives; every error of it is a refusal, unless it may be left out. */
function attempt<T>(work: () => T): T;
function attempt<T>(work: () => T, optional: true): T | undefined;
function attempt<T>(work: () => T, optional = false): T | undefined {
  try {
    return work();
  } catch (error) {
    if (optional && error instanceof InvalidConfiguration) return undefined;
    throw refusal(cannot, [error instanceof Error ? error.message : String(error)]);
  }
}

const parsed = (path: string, bytes: Buffer): unknown => {
  const text = bytes.toString("utf8");
  return path.endsWith(".json") ? (JSON.parse(text) as unknown) : parseYaml(text, path);
};

/** Everything but the keys that are taken has to be what it is here: hosts, registries, stores, secrets, checks, rules. */
function refuseDifferences(
  from: string,
  file: string,
  project: Project,
  theirs: PlainFiles,
  base: StackYaml,
  branch: StackYaml,
): void {
  const others = ({ config, file }: StackYaml): Record<string, unknown> => ({
    ...Object.fromEntries(Object.entries(fieldsOf(file.value)).filter(([key]) => key !== "config")),
    config: Object.fromEntries(Object.entries(config).filter(([key]) => !taken.has(key))),
  });
  const [before, after] = [others(base), others(branch)];
  const problems = differences(before, after).map((keys) => problemAt(keys, before, after, branch));
  const told = problems.map((each) => describeProblems(file, [each]));
  const projectFile = nameInProject(project, project.file).split(sep).join("/");
  const bytes = attempt(() => theirs.read(projectFile, limits.fileBytes));
  const present = plainFiles(dirname(project.file)).read(projectFile, limits.fileBytes);
  if (bytes?.equals(present ?? Buffer.alloc(0)) !== true && (bytes ?? present) !== undefined) {
    const read = (each: Buffer | undefined): unknown => readYaml(each?.toString("utf8") ?? "").value;
    for (const keys of differences(read(present), read(bytes))) {
      told.push(describeProblems(`${from}/${projectFile}`, [{ path: pathOf(keys), message: "differs from the base" }]));
    }
  }
  const intro = `${from} changes more than releases, pins and toggles, which alone are taken.`;
  if (told.length > 0) throw refusal(intro, told, apart);
}

/** A difference as messages have it. Only the environment's and the checks' values are shown: others may be secrets. */
function problemAt(keys: readonly string[], before: unknown, after: unknown, { placed, file }: StackYaml): Problem {
  const [top, full = "", ...rest] = keys;
  if (top !== "config") return { path: pathOf(keys), line: file.lineOf(keys), message: "differs from the base" };
  const [space, key = ""] = full.split(":");
  const values = [after, before].map((each) => keys.reduce<unknown>((value, name) => fieldsOf(value)[name], each));
  const [theirs, ours] = values.map((value) => (value === undefined ? "nothing" : quote(value)));
  const shown = space === namespace && key !== "secrets";
  // Which of its two forms a ciphertext has tells nothing.
  const path = pathOf([space === namespace ? key : full, ...(key === "secrets" ? rest.slice(0, 1) : rest)]);
  const message = shown ? `${theirs ?? ""}, and ${ours ?? ""} in the base` : "differs from the base";
  return space === namespace ? placed({ path, message }) : { path, message };
}

/** Releases of the catalogue that are not what they were. */
function changedReleases(before: Settings | undefined, after: Settings) {
  const textOf = ({ references, releases }: Settings, id: ReleaseId): string =>
    canonicalJson(references.get(id) ?? releases.get(id) ?? null);
  const known = new Set(before?.catalogue);
  const present = new Set(after.catalogue);
  return {
    added: after.catalogue.filter((id) => !known.has(id)),
    changed: after.catalogue.filter(
      (id) => before !== undefined && known.has(id) && textOf(before, id) !== textOf(after, id),
    ),
    removed: [...known].filter((id) => !present.has(id)),
  };
}

/**
 * The text of the stack file with the other's releases. It is written from the values that were compared, not copied: a text
 * that two readers of YAML take for different values would bring what was never looked at.
 */
function merged(project: Project, base: StackYaml, branch: StackYaml): string {
  const document = fieldsOf(base.file.value);
  const kept = Object.entries(fieldsOf(document.config)).filter(([key]) => !taken.has(fullKey(key, project.name)));
  const brought = [...taken].flatMap((key) => (branch.config[key] === undefined ? [] : [[key, branch.config[key]]]));
  const value = { ...document, config: Object.fromEntries([...kept, ...brought]) as unknown };
  const text = project.extension === ".json" ? `${JSON.stringify(value, null, 2)}\n` : blockText(value);
  const written = readStackYaml(text, project);
  const meant = { ...base.config, ...Object.fromEntries([...taken].map((key) => [key, branch.config[key]])) };
  const same = differences(written.config, meant).length === 0 && written.problems.length === 0;
  if (!same)
    throw refusal(cannot, [
      `${project.extension.slice(1)} has no form for a value of theirs that every reader takes alike`,
    ]);
  return text;
}
