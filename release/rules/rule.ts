import { pathOf, type Problem } from "../problems";
import type { Settings } from "../parse";
import type { Release } from "../schema/release";

/** A rule over the whole configuration; no problem means that it holds. */
export type Rule = (settings: Settings) => Problem[];

/** The keys of a stack file. A rule is not asked where one that it needs is malformed, for it would blame the rest. */
export type Part =
  | "release"
  | "pins"
  | "objectives"
  | "backups"
  | "onFailure"
  | "approval"
  | "toggles"
  | "releases"
  | "archive"
  | "letGo"
  | "lostEntries"
  | "environment"
  | "verification"
  | "secrets";

/** A problem at a path of the stack file. */
export const problem = (path: readonly PropertyKey[], message: string): Problem => ({ path: pathOf(path), message });
/** At most twenty names: a list per problem, each as long as the catalogue, once filled the memory. */
export const listed = (names: readonly string[]): string =>
  names.length === 0
    ? "none"
    : `${names.slice(0, 20).join(", ")}${names.length > 20 ? ` and ${names.length - 20} more` : ""}`;
/** Whether an object, if there is one, has a key of its own. */
export const has = (object: object | undefined, key: string): boolean =>
  object !== undefined && Object.hasOwn(object, key);

/** Every release that was read, with its path in the stack file. */
export const eachRelease = (settings: Settings, look: (release: Release, at: string[]) => Problem[]): Problem[] =>
  [...settings.releases].flatMap(([id, release]) => look(release, ["releases", id]));
