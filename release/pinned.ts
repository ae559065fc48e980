import { digestOf } from "./canonical";
import type { Digest, ReleaseId } from "./primitives";
import { facetAndEntry, facets, type Facet, type Release } from "./schema/release";
import type { Toggles } from "./schema/toggles";

/** What a stack runs: the pinned release, with what is pinned apart from it taken from elsewhere. */
export interface Pinned {
  /** The pin. */
  readonly release: ReleaseId;
  /** SHA-256 of the canonical JSON of `facets`: two pins with one digest deploy the same. */
  readonly digest: Digest;
  readonly facets: { readonly [F in Facet]: NonNullable<Release[F]> };
  /** For each entry (`functions/score_prism`) the release that it comes from. */
  readonly sources: Readonly<Record<string, ReleaseId>>;
}

/**
 * The release that a pin selects, with `pins` laid over it: first those for a whole facet, then those for an entry,
 * and the stack's own toggles over all of them.
 * A missing facet is an empty one. Everything named must exist; the rules see to that before.
 */
export function selectPinned(
  release: ReleaseId,
  pins: Readonly<Record<string, ReleaseId>>,
  releases: ReadonlyMap<ReleaseId, Release>,
  toggles: Toggles = {},
): Pinned {
  const sources: Record<string, ReleaseId> = {};
  const entriesOf = (facet: Facet): [string, unknown][] => {
    const from = pins[facet] ?? release;
    const entries = new Map<string, unknown>(Object.entries(releases.get(from)?.[facet] ?? {}));
    for (const name of entries.keys()) sources[`${facet}/${name}`] = from;
    for (const [path, other] of Object.entries(pins)) {
      const [of, name] = facetAndEntry(path);
      if (of !== facet || name === undefined) continue;
      const there: Record<string, unknown> = releases.get(other)?.[facet] ?? {};
      if (!Object.hasOwn(there, name)) continue;
      entries.set(name, there[name]);
      sources[path] = other;
    }
    return [...entries];
  };
  const selected = Object.fromEntries(
    facets.map((facet) => [facet, Object.fromEntries(entriesOf(facet))]),
  ) as unknown as Pinned["facets"];
  Object.assign(selected.toggles, toggles);
  return { release, digest: digestOf(selected), facets: selected, sources };
}
