import { existsSync, readFileSync, rmSync } from "node:fs";
import { join, posix } from "node:path";
import { projectIn, stackFileOf, stackNames } from "../project/project";
import { parseYaml } from "../project/yaml";
import { writeAtomically } from "../records/atomic-file";
import { writeProjectFile } from "../records/project-file";
import { canonicalJson, digestOf } from "../release/canonical";
import type { Settings } from "../release/parse";
import type { Digest, ReleaseId } from "../release/primitives";
import { engineBytes } from "../release/size";
import { anchored, releaseText, withCatalogue } from "./catalogue-file";
import { exitCodes } from "./exit-codes";
import type { ReleaseArchiveJson } from "./json/release";
import { Refusal, type VerbResult } from "./result";
import { configBytes, readStack, settingsIn, type FiledStack } from "./stack-file";
import type { Where } from "./stack";
import { counted } from "../release/text";

/** Releases that move out of a stack file: the files to write first, and the stack file to write last. */
export interface Archiving {
  readonly moved: readonly ReleaseId[];
  /** Content by path in the project. None of them replaces another content. */
  readonly files: ReadonlyMap<string, string>;
  readonly text: string;
  /** The archive that the stack file referred to until now: of no use to this stack once it is written. */
  readonly obsolete: string | undefined;
}

const folder = "releases";

/**
 * Plans how releases move from a stack file's text to files of their own, and into the archive that lists them.
 * @throws Refusal when a file of that name holds something else
 */
export function planArchiving(stack: FiledStack, text: string, ids: readonly ReleaseId[]): Archiving {
  const { settings } = stack;
  const place = settings.archive === undefined ? folder : posix.dirname(settings.archive.file);
  const known: Record<ReleaseId, Digest> = {};
  for (const [id, { file, digest }] of settings.references) {
    if (settings.archived.has(id) && file === posix.join(place, `${id}.yaml`)) known[id] = digest;
  }
  const files = new Map<string, string>();
  for (const id of ids) {
    const file = posix.join(place, `${id}.yaml`);
    const reference = settings.references.get(id);
    const record = settings.releases.get(id);
    if (reference !== undefined) {
      if (reference.file !== file) throw new Refusal(`${id} stands in ${reference.file}`, `move it to ${file} first`);
      known[id] = reference.digest;
      continue;
    }
    if (record === undefined) throw new Refusal(`no release ${id} in the stack file`, "rewind release list");
    known[id] = digestOf(record);
    const content = releaseText(record);
    if (!holds(stack.folder, file, known[id])) files.set(file, content);
  }
  const digest = digestOf(known);
  // Named by what it holds: until the stack file refers to the new one, the old one is whole.
  const index = posix.join(place, `archive-${digest.slice("sha256:".length, "sha256:".length + 12)}.json`);
  files.set(index, `${JSON.stringify(known, null, 1)}\n`);
  const edited = withCatalogue(text, { remove: ids, archive: { file: index, digest } });
  const old = settings.archive?.file;
  return { moved: ids, files, text: edited, obsolete: old === index ? undefined : old };
}

/** Whether a file holds the release already; another release under that name is refused. */
function holds(project: string, file: string, digest: Digest): boolean {
  const path = join(project, file);
  if (!existsSync(path)) return false;
  const content = parseYaml(readFileSync(path, "utf8"), file);
  if (digestOf(content) === digest) return true;
  throw new Refusal(`${file} holds another release`, `move ${file} away, or give the release another id`);
}

/**
 * How many releases have to move, oldest first, until a configuration with the others fits; all of them where none of it
 * is enough. Only sizes are looked at, so that a long catalogue is not edited over and over.
 * @param config as the stack file would have it before anything moves
 */
export function countToMove(
  config: Readonly<Record<string, unknown>>,
  candidates: readonly ReleaseId[],
  bytes: number,
): number {
  const archive = { file: `${folder}/archive-000000000000.json`, digest: digestOf({}) };
  const fits = (count: number): boolean => {
    const releases = { ...(config["rewind:releases"] as object) } as Record<string, unknown>;
    for (const id of candidates.slice(0, count)) Reflect.deleteProperty(releases, id);
    return engineBytes({ ...config, "rewind:releases": releases, "rewind:archive": archive }) <= bytes;
  };
  let [low, high] = [1, candidates.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

/** Writes what was planned: every file whole and on the disk before the stack file refers to it. */
export function writeArchiving({ folder: project, file }: FiledStack, { files, text, obsolete }: Archiving): void {
  for (const [path, content] of files) writeProjectFile(project, path, content);
  writeAtomically(file, text);
  if (obsolete !== undefined && !usedElsewhere(project, obsolete)) rmSync(join(project, obsolete), { force: true });
}

function usedElsewhere(project: string, archive: string): boolean {
  return stackFiles(project).some((text) => text.includes(archive));
}

/** The inline releases that may move out, oldest first: neither pinned nor holding an anchor that others need. */
export function movable({ settings, text }: FiledStack, keep: readonly ReleaseId[] = []): ReleaseId[] {
  const stays = new Set([settings.release, ...Object.values(settings.pins), ...keep, ...anchored(text)]);
  const place = settings.archive === undefined ? folder : posix.dirname(settings.archive.file);
  return settings.catalogue.filter((id) => {
    const reference = settings.references.get(id);
    return (
      !settings.archived.has(id) &&
      !stays.has(id) &&
      (reference === undefined || reference.file === posix.join(place, `${id}.yaml`))
    );
  });
}

/** `rewind release archive`: moves all but the newest inline releases to files beside each other. */
export function archive(where: Where, keep: number): VerbResult<ReleaseArchiveJson> {
  const stack = readStack(where);
  const candidates = movable(stack);
  const inline = stack.settings.catalogue.filter((id) => !stack.settings.archived.has(id));
  const newest = new Set(keep === 0 ? [] : inline.slice(-keep));
  const ids = candidates.filter((id) => !newest.has(id));
  const before = configBytes(stack.text);
  if (ids.length === 0) {
    const text = "Nothing to move: what is left is pinned, new, or holds an anchor that others refer to.";
    return { code: exitCodes.ok, text, json: { moved: [], bytes: before } };
  }
  const planned = planArchiving(stack, stack.text, ids);
  checkPlanned(stack, planned);
  writeArchiving(stack, planned);
  const bytes = configBytes(planned.text);
  const text = `Moved ${counted(ids.length, "release")} out of ${stack.name}'s file: ${before} → ${bytes} bytes.`;
  return { code: exitCodes.ok, text, json: { moved: ids, bytes } };
}

/**
 * Reads the stack as it would be, from the planned files, before anything is written.
 * @param also releases that must be there then
 * @returns the settings of the stack then
 * @throws InvalidConfiguration; Error when a release would not be the one it was
 */
export function checkPlanned(stack: FiledStack, planned: Archiving, also: readonly ReleaseId[] = []): Settings {
  const read = stack.readFile;
  const inPlan = (path: string): unknown => {
    const content = planned.files.get(path);
    return content === undefined ? read(path) : parseYaml(content, path);
  };
  const all = [...planned.moved, ...also];
  const after = settingsIn(stack.name, planned.text, stack.folder, all, inPlan);
  for (const id of planned.moved) {
    const was = stack.settings.releases.get(id);
    if (was !== undefined && canonicalJson(was) !== canonicalJson(after.releases.get(id) ?? null)) {
      throw new Error(`${id} would not be the release it was; nothing was written`);
    }
  }
  return after;
}

function stackFiles(folder: string): string[] {
  const project = projectIn(folder);
  return stackNames(project).map((name) => readFileSync(stackFileOf(project, name), "utf8"));
}
