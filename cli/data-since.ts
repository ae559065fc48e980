import { locatedStamped, type LocatedStamped } from "../checks/stamped";
import type { Entry } from "../records/entry";
import type { Settings } from "../release/parse";
import { Moment, quote } from "../release/primitives";
import { Refusal } from "./result";

/**
 * A moment as it was typed: a time with its zone, or the id of an entry of the deployment log.
 * @returns ISO 8601, undefined when nothing was typed
 * @throws Refusal when it is neither
 */
export function momentOf(text: string | undefined, entries: readonly Entry[]): string | undefined {
  if (text === undefined) return undefined;
  if (Moment.safeParse(text).success) return text;
  const entry = entries.find(({ id }) => id === text);
  if (entry !== undefined) return entry.at;
  throw new Refusal(
    `--since ${quote(text)} is neither a time with its zone nor an entry of the deployment log`,
    "--since 2025-09-17T03:30:00Z, or the id of an entry",
  );
}

/** A stamped table by its name. Throws Refusal when the environment has none. */
export function stampedNamed(settings: Pick<Settings, "environment">, name: string): LocatedStamped {
  const located = locatedStamped(settings, name);
  if (located !== undefined) return located;
  const known = Object.keys(settings.environment.database?.stamped ?? {});
  throw new Refusal(
    `no stamped table ${quote(name)}; environment.database.stamped has ${known.join(", ") || "none"}`,
    known[0] === undefined ? "name one under rewind:environment.database.stamped" : `rewind data list ${known[0]}`,
  );
}
