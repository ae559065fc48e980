import { selectPinned, type Pinned } from "./pinned";
import type { ReleaseId } from "./primitives";
import { facetAndEntry, facets, type Facet, type Release } from "./schema/release";

type Pins = Readonly<Record<string, ReleaseId>>;

/** A group that a pin would tear apart: its members come from different releases. */
export interface Torn {
  /** The release that says that they belong together. */
  readonly by: ReleaseId;
  readonly group: readonly string[];
  /** Where each member comes from; a facet may come from several releases, a missing entry from none. */
  readonly sources: Readonly<Record<string, readonly ReleaseId[]>>;
}

/**
 * The groups that a pin tears apart, by the declarations of every release that something is selected from. A release's
 * declaration is about its own entries, so where none of a group comes from it, it has nothing to say.
 */
export function tornGroups(pinned: Pinned, releases: ReadonlyMap<ReleaseId, Release>): Torn[] {
  const involved = [...new Set([pinned.release, ...Object.values(pinned.sources)])];
  return involved.flatMap((by) => {
    const release = releases.get(by);
    return (release?.together ?? []).flatMap((group): Torn[] => {
      const sources = Object.fromEntries(group.map((path) => [path, sourcesOf(path, pinned, release)]));
      const all = new Set(Object.values(sources).flat());
      const whole = all.size === 1 && Object.values(sources).every((from) => from.length === 1);
      return !all.has(by) || whole ? [] : [{ by, group, sources }];
    });
  });
}

/** The releases that a facet's entries, or one entry, are selected from. */
function sourcesOf(path: string, { sources }: Pinned, declaring: Release | undefined): ReleaseId[] {
  const selected = Object.entries(sources).filter(([entry]) => isOf(entry, path));
  const from = [...new Set(selected.map(([, release]) => release))];
  const declared = Object.keys(declaring?.[path as Facet] ?? {});
  // An entry of the declaring release that is not selected at all is as torn off as one from elsewhere.
  const lost = declared.some((name) => !Object.hasOwn(sources, `${path}/${name}`));
  return lost ? [...from, ""] : from;
}

/** Whether a path is a member of a group, or an entry of one. */
const isOf = (path: string, member: string): boolean => path === member || path.startsWith(`${member}/`);

/**
 * The pins with which a torn group is whole again, all of it from one release, for each release that it may come from.
 * What other groups then need is pinned along. Only pins that really hold together are returned.
 */
export function pinsThatHold(
  { group, sources }: Torn,
  release: ReleaseId,
  pins: Pins,
  releases: ReadonlyMap<ReleaseId, Release>,
): Pins[] {
  const candidates = [...new Set([release, ...Object.values(sources).flat()])].filter((id) => releases.has(id));
  return candidates.flatMap((from) => {
    let wanted: readonly string[] = group;
    let tried = pins;
    for (let round = 0; round < 20; round += 1) {
      tried = pinnedTo(wanted, from, release, tried);
      if (!selectable(tried, releases)) return [];
      const torn = tornGroups(selectPinned(release, tried, releases), releases);
      const [first] = torn;
      if (first === undefined) return [tried];
      wanted = first.group;
    }
    return [];
  });
}

/** Pins that take the members of a group from one release; a pin that says nothing new is left out. */
function pinnedTo(group: readonly string[], from: ReleaseId, release: ReleaseId, pins: Pins): Pins {
  const others = Object.entries(pins).filter(([path]) => !group.some((member) => isOf(path, member)));
  const kept = Object.fromEntries(others);
  for (const member of group) {
    const [facet] = facetAndEntry(member);
    if (from !== (kept[facet] ?? release)) kept[member] = from;
  }
  return kept;
}

/** Whether every pin of an entry names one that its release has. */
function selectable(pins: Pins, releases: ReadonlyMap<ReleaseId, Release>): boolean {
  return Object.entries(pins).every(([path, id]) => {
    const [facet, name] = facetAndEntry(path);
    const known = facets.find((each) => each === facet);
    return known !== undefined && (name === undefined || Object.hasOwn(releases.get(id)?.[known] ?? {}, name));
  });
}
