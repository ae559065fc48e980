import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { basename, relative, resolve, sep } from "node:path";
import { parseYaml } from "../project/yaml";
import { appliedRecords } from "../records/state";
import { amend, type Amendment } from "../release/amend";
import { digestOf } from "../release/canonical";
import { InvalidConfiguration } from "../release/config";
import { deputiesOf } from "../release/confused-deputy";
import { diffPinned } from "../release/diff";
import { selectPinned } from "../release/pinned";
import type { Settings } from "../release/parse";
import { ProjectPath, type ReleaseId } from "../release/primitives";
import { describeProblems } from "../release/problems";
import { worstRisk } from "../release/risk";
import { facets, type Release } from "../release/schema/release";
import { engineBytes, engineLimit, sizeWarning } from "../release/size";
import { baselineConfig, writeRowFiles } from "./baseline-file";
import { checkPlanned, countToMove, movable, planArchiving, writeArchiving, type Archiving } from "./archive";
import { withCatalogue } from "./catalogue-file";
import { exitCodes } from "./exit-codes";
import { withPin } from "../project/pin";
import type { ReleaseAddJson } from "./json/release";
import { Refusal, type VerbResult } from "./result";
import { configBytes, configIn, readStack, type FiledStack } from "./stack-file";
import type { Where } from "./stack";
import { counted } from "../release/text";

/** From here on older releases move out of the stack file. Far below what the engine can hand over. */
const roomy = 48 * 1024;

/** What the new release is made from and what it changes. */
export interface AddOptions {
  readonly id: ReleaseId;
  /** What it is made from; what is pinned unless said. */
  readonly from: ReleaseId | undefined;
  readonly images: readonly string[];
  readonly builds: readonly string[];
  readonly rowFiles: readonly string[];
  readonly values: readonly string[];
  readonly removed: readonly string[];
  readonly schema: string | undefined;
  readonly description: string | undefined;
  /** A file with a part of a release, laid over it first. */
  readonly file: string | undefined;
  /** A baseline whose configuration rows it has, those and no others. */
  readonly baseline: string | undefined;
  /** Whether the pin moves to it, too. */
  readonly pin: boolean;
}

/**
 * `rewind release add <id>`: a new release from the pinned one, or another, and its changes. The whole configuration is
 * parsed and checked with it before anything is written. Older releases move out of the stack file when it grows.
 * @throws Refusal when the id exists or existed, or the release would not be valid: nothing was written
 */
export function addRelease(where: Where, options: AddOptions): VerbResult<ReleaseAddJson> {
  const { id, from } = options;
  const stack = readStack(where, from === undefined ? [] : [from]);
  const { settings } = stack;
  refuseKnown(stack, id);
  if (from !== undefined && !settings.catalogue.includes(from)) {
    throw new Refusal(`no release ${from} to make it from`, "rewind release list");
  }
  const restored = options.baseline === undefined ? undefined : baselineConfig(stack, options.baseline, id);
  const record = recordOf(stack, options, restored?.config);
  const planned = plannedWith(stack, options, record);
  const bytes = configBytes(planned.text);
  if (bytes > engineLimit) {
    throw new Refusal(
      `with ${id} the configuration would have ${bytes} bytes, the engine can hand over ${engineLimit}; nothing was written`,
      "rewind release archive --keep 0, or rows in a file with --row-file",
    );
  }
  const after = checked(stack, planned, id);
  if (restored !== undefined) writeRowFiles(stack.folder, restored.files);
  writeArchiving(stack, planned);
  const tables = settings.environment.database?.tables ?? {};
  const changes = diffPinned(settings.pinned, selectPinned(id, {}, after.releases), tables);
  const risk = worstRisk(changes.map((change) => change.risk)) ?? null;
  const warning = sizeWarning(bytes);
  const json = {
    release: id,
    recordDigest: digestOf(record),
    changes,
    risk,
    moved: planned.moved,
    pinned: options.pin,
    bytes,
  };
  const lines = [
    `Added ${id} (record ${json.recordDigest.slice(0, 19)}…) to ${stack.name}: ${counted(changes.length, "change")} against the pin, risk ${risk ?? "none"}.`,
    ...(planned.moved.length > 0 ? [`Moved to files, to keep the stack file small: ${planned.moved.join(", ")}`] : []),
    ...(warning === undefined ? [] : [`Warning: ${warning}`]),
    ...deputiesOf(after.releases.get(id) ?? {}, settings).map((each) => `Warning: ${each}`),
    options.pin
      ? "Pinned. Next: pulumi preview --diff"
      : `Next: rewind diff ${id}, then pulumi config set rewind:release ${id}`,
  ];
  return { code: exitCodes.ok, text: lines.join("\n"), json };
}

/** An id is given once. Files on some systems know no capitals, so neither does this. */
function refuseKnown({ settings, log }: FiledStack, id: ReleaseId): void {
  const known = [...settings.catalogue, ...appliedRecords(log.entries()).keys()];
  const same = known.find((each) => each.toLowerCase() === id.toLowerCase());
  if (same !== undefined) {
    throw new Refusal(`there is a release ${same} already, and a release never changes`, "another id");
  }
}

function recordOf(stack: FiledStack, options: AddOptions, config: Release["config"]): Record<string, unknown> {
  const { settings, folder } = stack;
  const base = options.from === undefined ? present(stack) : settings.releases.get(options.from);
  if (base === undefined) throw new Refusal(`no release ${options.from ?? ""}`, "rewind release list");
  const pairs = (list: readonly string[], option: string): Record<string, string> =>
    Object.fromEntries(list.map((text) => pair(text, option)));
  const rowFiles = Object.entries(pairs(options.rowFiles, "--row-file"));
  const amendment: Amendment = {
    ...(options.file === undefined ? {} : { patch: patchIn(options.file) }),
    images: pairs(options.images, "--image"),
    builds: pairs(options.builds, "--build"),
    rowFiles: Object.fromEntries(rowFiles.map(([path, file]) => [path, rowFile(folder, file)])),
    values: options.values.map((text) => {
      const [path, value] = pair(text, "--set");
      return { path, text: value };
    }),
    removed: options.removed,
    ...(options.schema === undefined ? {} : { schema: options.schema }),
    ...(options.description === undefined ? {} : { description: options.description }),
  };
  const { record, problems } = amend(
    config === undefined ? base : { ...base, config },
    amendment,
    settings.environment.database?.tables ?? {},
  );
  if (problems.length > 0) throw refusalOf(describeProblems(`release ${options.id}`, problems), stack);
  return record;
}

/** What is pinned, as a release of its own. */
function present({ settings: { pinned, releases } }: FiledStack): Release {
  const selected = facets.filter((facet) => Object.keys(pinned.facets[facet]).length > 0);
  const { together } = releases.get(pinned.release) ?? {};
  const entries = selected.map((facet) => [facet, pinned.facets[facet]]);
  return { ...Object.fromEntries(entries), ...(together === undefined ? {} : { together }) } as Release;
}

function pair(text: string, option: string): [string, string] {
  const [, path, value] = /^((?:\["(?:[^"\\]|\\.)*"\]|[^=])+)=([\s\S]*)$/.exec(text) ?? [];
  if (path === undefined || value === undefined) {
    throw new Refusal(`${option} ${text}: expected PATH=VALUE`, `${option} path=value`);
  }
  return [path, value];
}

function patchIn(file: string): unknown {
  try {
    return parseYaml(readFileSync(file, "utf8"), basename(file));
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "unreadable";
    throw new Refusal(`--file ${file}: ${reason}`, "--file <part of a release, YAML>");
  }
}

/** A row file as a release pins it: its path in the project, the SHA-256 of its bytes, how many rows it has. */
function rowFile(folder: string, file: string): { file: string; digest: string; count: number } {
  let bytes: Buffer;
  let inside: string;
  try {
    const real = realpathSync(resolve(file));
    inside = relative(realpathSync(folder), real).split(sep).join("/");
    bytes = readFileSync(real);
  } catch (error) {
    throw new Refusal(`--row-file ${file}: ${error instanceof Error ? error.message : "unreadable"}`, "a file of rows");
  }
  if (!ProjectPath.safeParse(inside).success) {
    throw new Refusal(`--row-file ${file} is outside of the project`, `copy it into ${folder}`);
  }
  // What an update would refuse of its form is refused here already.
  const form = (reason: string): Refusal =>
    new Refusal(`--row-file ${file}: ${reason}`, "a row per line, each line with its end, UTF-8 without a mark");
  if (!isUtf8(bytes) || bytes[0] === 0xef) throw form("not UTF-8, or with a byte order mark");
  const lines = bytes.toString("utf8").split("\n");
  if (lines.pop() !== "") throw form(`line ${lines.length + 1} is cut off`);
  const empty = lines.findIndex((line) => line.trim() === "");
  if (empty >= 0) throw form(`line ${empty + 1} is empty`);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { file: inside, digest, count: lines.length };
}

/** The stack file with the release in it, and what moves out of it to make room. */
function plannedWith(stack: FiledStack, { id, pin }: AddOptions, record: Record<string, unknown>): Archiving {
  const edited = (text: string): string => {
    const added = withCatalogue(text, { add: { id, record } });
    return pin ? withPin(added, id, {}) : added;
  };
  const text = attempt(() => edited(stack.text));
  const config = configIn(text);
  const candidates = engineBytes(config) <= roomy ? [] : movable(stack);
  if (candidates.length === 0) return { moved: [], files: new Map(), text, obsolete: undefined };
  // The newest stay where people look for them, if there is room.
  const moving = candidates.slice(0, countToMove(config, candidates, roomy));
  return attempt(() => planArchiving(stack, text, moving));
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(error instanceof Error ? error.message : String(error), "edit the stack file by hand");
  }
}

function checked(stack: FiledStack, planned: Archiving, id: ReleaseId): Settings {
  try {
    return checkPlanned(stack, planned, [id]);
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    throw refusalOf(error.message, stack);
  }
}

function refusalOf(message: string, { folder, file }: FiledStack): Refusal {
  return new Refusal(
    `${message}\nNothing was written.`,
    `the same with what is asked for, or edit ${relative(folder, file)}`,
  );
}
