import type { z } from "zod";
import { outOfBounds } from "./bounds";
import { digestOf } from "./canonical";
import { selectPinned, type Pinned } from "./pinned";
import { pathOf, type Problem } from "./problems";
import { quote, type ReleaseId } from "./primitives";
import { rules } from "./rules";
import { ReleaseReference, Release, Settings as SettingsSchema } from "./schema";

/** A stack's configuration after every rule has passed: only typed values travel from here on. */
export interface Settings extends Omit<z.infer<typeof SettingsSchema>, "releases" | "pins" | "secrets"> {
  readonly pins: Readonly<Record<string, ReleaseId>>;
  /** The releases that the stack file holds, and those in files that the pin needs. */
  readonly releases: ReadonlyMap<ReleaseId, Release>;
  /** Every release of the catalogue, in the order of the stack file, whether it was read or not. */
  readonly catalogue: readonly ReleaseId[];
  readonly secrets: readonly string[];
  readonly pinned: Pinned;
}

export type Parsed =
  { readonly ok: true; readonly settings: Settings } | { readonly ok: false; readonly problems: readonly Problem[] };

/** The keys that stand under `rewind:` in a stack file. */
export const settingsKeys = Object.keys(SettingsSchema.shape);

/**
 * The one parser of a stack's configuration, whichever door it enters by. All problems are found in one go: unknown
 * keys and malformed values first, then, where the shape allows, what the rules say of the whole.
 *
 * @param raw what stands under `rewind:`, keys without the namespace; `secrets` as the list of names only
 * @param readFile the parsed content of a release's file, by its path in the project; may throw
 */
export function parseSettings(raw: Readonly<Record<string, unknown>>, readFile: (path: string) => unknown): Parsed {
  const bounds = outOfBounds(raw);
  if (bounds.length > 0) return { ok: false, problems: bounds };

  const problems: Problem[] = [];
  const parsed = SettingsSchema.omit({ releases: true }).safeParse(without(raw, "releases"));
  if (!parsed.success) problems.push(...problemsOf(parsed.error, []));

  const { releases, references } = parseCatalogue(raw.releases, problems);
  if (!parsed.success) return { ok: false, problems };

  const settings = parsed.data;
  const pins = settings.pins ?? {};
  for (const id of new Set([settings.release, ...Object.values(pins)])) {
    const reference = references.get(id);
    if (reference === undefined) continue;
    const release = readReference(id, reference, readFile, problems);
    if (release !== undefined) releases.set(id, release);
  }
  const catalogue = Object.keys(raw.releases ?? {});
  const whole: Settings = {
    ...settings,
    pins,
    releases,
    catalogue,
    secrets: settings.secrets ?? [],
    pinned: selectPinned(settings.release, pins, releases),
  };
  problems.push(...rules.flatMap((rule) => rule(whole)));
  return problems.length > 0 ? { ok: false, problems } : { ok: true, settings: whole };
}

function parseCatalogue(raw: unknown, problems: Problem[]) {
  const releases = new Map<ReleaseId, Release>();
  const references = new Map<ReleaseId, ReleaseReference>();
  const ids = SettingsSchema.shape.releases.keyType;
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    problems.push({ path: "releases", message: `expected the catalogue of releases, got ${quote(raw)}` });
    return { releases, references };
  }
  for (const [id, value] of Object.entries(raw)) {
    const at = ["releases", id];
    const name = ids.safeParse(id);
    if (!name.success) problems.push(...problemsOf(name.error, at));
    else if (typeof value === "object" && value !== null && "file" in value) {
      const reference = ReleaseReference.safeParse(value);
      if (reference.success) references.set(id, reference.data);
      else problems.push(...problemsOf(reference.error, at));
    } else {
      const release = Release.safeParse(value);
      if (release.success) releases.set(id, release.data);
      else problems.push(...problemsOf(release.error, at));
    }
  }
  return { releases, references };
}

function readReference(
  id: ReleaseId,
  { file, digest }: ReleaseReference,
  readFile: (path: string) => unknown,
  problems: Problem[],
): Release | undefined {
  const at = ["releases", id];
  let content: unknown;
  try {
    content = readFile(file);
  } catch (error) {
    problems.push({ path: pathOf([...at, "file"]), message: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
  const bounds = outOfBounds(content);
  if (bounds.length > 0) {
    problems.push(...bounds.map(({ path, message }) => ({ path: pathOf([...at, path]), message })));
    return undefined;
  }
  const release = Release.safeParse(content);
  if (!release.success) {
    problems.push(...problemsOf(release.error, at));
    return undefined;
  }
  const actual = digestOf(release.data);
  if (actual !== digest) {
    problems.push({ path: pathOf([...at, "digest"]), message: `${file} has ${actual}: it is not the release it was` });
    return undefined;
  }
  return release.data;
}

/** A zod error as problems: every misspelled key on a line of its own, and the branch of a union that came closest. */
function problemsOf(error: z.ZodError, at: readonly PropertyKey[]): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    const path = [...at, ...issue.path];
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ path: pathOf([...path, key]), message: "no such key" }));
    }
    if (issue.code === "invalid_key") {
      return [{ path: pathOf(path), message: issue.issues[0]?.message ?? issue.message }];
    }
    return [{ path: pathOf(path), message: issue.message.replace(/^Invalid input: /, "") }];
  });
}

function without(object: Readonly<Record<string, unknown>>, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}
