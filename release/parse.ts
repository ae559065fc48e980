import type { z } from "zod";
import { outOfBounds } from "./bounds";
import { digestOf } from "./canonical";
import { selectPinned, type Pinned } from "./pinned";
import { pathOf, type Problem } from "./problems";
import { quote, type ReleaseId } from "./primitives";
import { issuesOf, noSuchKey, schemaProblems } from "./schema-problems";
import { rules } from "./rules";
import type { Part } from "./rules/rule";
import { Archive, ReleaseReference, Release } from "./schema/release";
import { Settings as SettingsSchema } from "./schema/settings";
import type { Toggles } from "./schema/toggles";

/** A stack's configuration after every rule has passed: only typed values travel from here on. */
export interface Settings extends Omit<z.infer<typeof SettingsSchema>, "releases" | "pins" | "toggles" | "secrets"> {
  readonly pins: Readonly<Record<string, ReleaseId>>;
  /** What the stack lays over the toggles of its release. */
  readonly toggles: Toggles;
  /** The releases that the stack file holds, and those in files that the pin needs. */
  readonly releases: ReadonlyMap<ReleaseId, Release>;
  /** Every release of the catalogue, the archived ones first, in the order of the files, whether it was read or not. */
  readonly catalogue: readonly ReleaseId[];
  /** Those of them that the archive alone knows. */
  readonly archived: ReadonlySet<ReleaseId>;
  /** Those of them that stand in files, read or not. */
  readonly references: ReadonlyMap<ReleaseId, ReleaseReference>;
  readonly secrets: readonly string[];
  readonly pinned: Pinned;
}

/** What a reader of a stack's configuration may ask for. */
export interface ParseOptions {
  /** Releases that are read beside the pinned ones. */
  readonly also?: readonly ReleaseId[];
  /** Keys that the reader cannot know, as the names of encrypted secrets: no rule that needs them is asked. */
  readonly unknown?: readonly Part[];
}

export type Parsed =
  { readonly ok: true; readonly settings: Settings } | { readonly ok: false; readonly problems: readonly Problem[] };

/** The keys that stand under `rewind:` in a stack file. */
export const settingsKeys = Object.keys(SettingsSchema.shape);

/**
 * The one parser of a stack's configuration, whichever door it enters by. All problems are found in one go: unknown
 * keys and malformed values first, then what the rules say of the whole. A malformed key of the stack file silences only
 * the rules that need it, and an unknown key silences none. Never throws.
 *
 * @param raw what stands under `rewind:`, keys without the namespace; `secrets` as the list of names only
 * @param readFile the parsed content of a release's file, by its path in the project; may throw
 */
export function parseSettings(
  raw: Readonly<Record<string, unknown>>,
  readFile: (path: string) => unknown,
  { also = [], unknown: unknowable = [] }: ParseOptions = {},
): Parsed {
  const { releases: inline, ...others } = raw;
  const bounds = [...outOfBounds(others), ...outOfBounds({ releases: inline }, "catalogue")];
  if (bounds.length > 0) return { ok: false, problems: bounds };

  const problems: Problem[] = [];
  const { shape } = SettingsSchema;
  const unknown = Object.keys(raw).filter((key) => !settingsKeys.includes(key));
  problems.push(...unknown.map((key) => ({ path: pathOf([key]), message: noSuchKey })));
  const broken = new Set<Part>(unknowable);
  const part = <T>(key: Part, schema: z.ZodType<T>, otherwise: T): T => {
    const found = shaped(schema, raw[key], [key], problems);
    if (!found.ok) broken.add(key);
    return found.ok ? found.value : otherwise;
  };
  const release = part("release", shape.release, "");
  const pins = part("pins", shape.pins, undefined) ?? {};
  const toggles = part("toggles", shape.toggles, undefined) ?? {};
  const environment = part("environment", shape.environment, nowhere);
  const verification = part("verification", shape.verification, undefined);
  const secrets = part("secrets", shape.secrets, undefined) ?? [];
  const letGo = part("letGo", shape.letGo, undefined);
  const lostEntries = part("lostEntries", shape.lostEntries, undefined);
  const objectives = part("objectives", shape.objectives, undefined);
  const backups = part("backups", shape.backups, undefined);
  const onFailure = part("onFailure", shape.onFailure, undefined);
  const approval = part("approval", shape.approval, undefined);
  const { releases, references, catalogue } = parseCatalogue(raw.releases, problems);
  if (catalogue === undefined) broken.add("releases");
  const archive = part("archive", shape.archive, undefined);
  const archived = archive === undefined ? [] : readArchive(archive, catalogue ?? [], references, readFile, problems);
  if (archived === undefined) broken.add("releases");
  for (const id of new Set([release, ...Object.values(pins), ...also])) {
    const reference = references.get(id);
    if (reference === undefined) continue;
    const read = readReference(id, reference, readFile, problems);
    if (read !== undefined) releases.set(id, read);
  }
  const settings: Settings = {
    release,
    pins,
    toggles,
    releases,
    catalogue: [...(archived ?? []), ...(catalogue ?? [])],
    archived: new Set(archived),
    references,
    ...(archive === undefined ? {} : { archive }),
    ...(letGo === undefined ? {} : { letGo }),
    ...(lostEntries === undefined ? {} : { lostEntries }),
    environment,
    ...(verification === undefined ? {} : { verification }),
    ...(objectives === undefined ? {} : { objectives }),
    ...(backups === undefined ? {} : { backups }),
    ...(onFailure === undefined ? {} : { onFailure }),
    ...(approval === undefined ? {} : { approval }),
    secrets,
    pinned: selectPinned(release, pins, releases, toggles),
  };
  for (const { rule, needs } of rules) {
    if (!needs.some((key) => broken.has(key))) problems.push(...rule(settings));
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, settings };
}

/** Stands in for an environment that could not be read; no rule looks at it. */
const nowhere: Settings["environment"] = { name: "", kind: "production", registry: "", docker: { host: "" } };

/**
 * A value in the shape of its schema. Unknown keys are problems, but do not hide the problems of the rest: it is
 * looked at without them.
 */
function shaped<T>(
  schema: z.ZodType<T>,
  raw: unknown,
  at: readonly PropertyKey[],
  problems: Problem[],
): { readonly ok: true; readonly value: T } | { readonly ok: false } {
  const first = schema.safeParse(raw);
  if (first.success) return { ok: true, value: first.data };
  problems.push(...schemaProblems(first.error, at, raw));
  const second = schema.safeParse(withoutUnknown(raw, first.error));
  return second.success ? { ok: true, value: second.data } : { ok: false };
}

function withoutUnknown(raw: unknown, error: z.ZodError): unknown {
  const copy = structuredClone(raw);
  for (const issue of issuesOf(error.issues)) {
    if (issue.code !== "unrecognized_keys") continue;
    const holder = issue.path.reduce((value, key) => (value as Record<PropertyKey, unknown>)[key], copy) as object;
    for (const key of issue.keys) Reflect.deleteProperty(holder, key);
  }
  return copy;
}

function parseCatalogue(raw: unknown, problems: Problem[]) {
  const releases = new Map<ReleaseId, Release>();
  const references = new Map<ReleaseId, ReleaseReference>();
  const ids = SettingsSchema.shape.releases.keyType;
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    problems.push({ path: "releases", message: `expected the catalogue of releases, got ${quote(raw)}` });
    return { releases, references, catalogue: undefined };
  }
  for (const [id, value] of Object.entries(raw)) {
    const at = ["releases", id];
    const name = ids.safeParse(id);
    if (!name.success) problems.push(...schemaProblems(name.error, at, id));
    else if (typeof value === "object" && value !== null && "file" in value) {
      const reference = shaped(ReleaseReference, value, at, problems);
      if (reference.ok) references.set(id, reference.value);
    } else {
      const release = shaped(Release, value, at, problems);
      if (release.ok) releases.set(id, release.value);
    }
  }
  return { releases, references, catalogue: Object.keys(raw) };
}

/** The archived releases, each added to the references; undefined when the archive cannot be read. */
function readArchive(
  archive: ReleaseReference,
  catalogue: readonly ReleaseId[],
  references: Map<ReleaseId, ReleaseReference>,
  readFile: (path: string) => unknown,
  problems: Problem[],
): ReleaseId[] | undefined {
  const digests = readPinnedFile(["archive"], archive, Archive, readFile, problems);
  if (digests === undefined) return undefined;
  const known = new Set(catalogue);
  const folder = archive.file.slice(0, archive.file.lastIndexOf("/") + 1);
  for (const [id, digest] of Object.entries(digests)) {
    if (known.has(id)) {
      problems.push({
        path: pathOf(["releases", id]),
        message: `the archive ${archive.file} has a release ${id}, too`,
      });
    } else references.set(id, { file: `${folder}${id}.yaml`, digest });
  }
  return Object.keys(digests).filter((id) => !known.has(id));
}

function readReference(
  id: ReleaseId,
  reference: ReleaseReference,
  readFile: (path: string) => unknown,
  problems: Problem[],
): Release | undefined {
  return readPinnedFile(["releases", id], reference, Release, readFile, problems);
}

/** What a file holds, when it is still what its digest says. */
function readPinnedFile<T>(
  at: readonly string[],
  { file, digest }: ReleaseReference,
  schema: z.ZodType<T>,
  readFile: (path: string) => unknown,
  problems: Problem[],
): T | undefined {
  let content: unknown;
  try {
    content = readFile(file);
  } catch (error) {
    problems.push({ path: pathOf([...at, "file"]), message: error instanceof Error ? error.message : "unreadable" });
    return undefined;
  }
  const bounds = outOfBounds(content);
  if (bounds.length > 0) {
    problems.push(...bounds.map(({ path, message }) => ({ path: pathOf([...at, path]), message })));
    return undefined;
  }
  const parsed = schema.safeParse(content);
  if (!parsed.success) {
    problems.push(...schemaProblems(parsed.error, at, content));
    return undefined;
  }
  const actual = digestOf(parsed.data);
  if (actual !== digest) {
    problems.push({
      path: pathOf([...at, "digest"]),
      message: `${file} has ${actual}: it is not ${at[0] === "archive" ? "what it was" : "the release it was"}`,
    });
    return undefined;
  }
  return parsed.data;
}
