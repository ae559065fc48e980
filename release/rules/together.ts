import type { Settings } from "../parse";
import { facetAndEntry, facets } from "../schema/release";
import { pinsThatHold, tornGroups, type Torn } from "../together";
import { eachRelease, has, listed, problem, type Rule } from "./rule";

export const togetherNamesWhatIsThere: Rule = (settings) =>
  eachRelease(settings, (release, at) =>
    (release.together ?? []).flatMap((group, index) =>
      group.flatMap((path, place) => {
        const [facet, name] = facetAndEntry(path);
        const known = facets.find((each) => each === facet);
        const entries = known === undefined ? {} : (release[known] ?? {});
        const there = name === undefined ? Object.keys(entries).length > 0 : has(entries, name);
        if (there) return [];
        const names = listed(Object.keys(entries));
        return [problem([...at, "together", index, place], `the release has no ${path}; it has ${names}`)];
      }),
    ),
  );

export const pinsKeepTogether: Rule = (settings) => {
  const { release, pins, releases, pinned } = settings;
  // Where something pinned could not be read, its entries would seem to be torn off.
  if ([release, ...Object.values(pins)].some((id) => !releases.has(id))) return [];
  return tornGroups(pinned, releases).map((torn) => problem(["pins"], sentenceOf(torn, settings)));
};

function sentenceOf(torn: Torn, { release, pins, releases }: Settings): string {
  const told = torn.group.map(
    (path) => `${path} (${(torn.sources[path] ?? []).filter(Boolean).join(" and ") || "none"})`,
  );
  const instead = pinsThatHold(torn, release, pins, releases).map((whole) => `{${flow(whole)}}`);
  const next = instead.length === 0 ? "pin one release as a whole" : `set rewind:pins to ${instead.join(" or ")}`;
  return `${torn.by} says that these belong together: ${listed(told)}; ${next}`;
}

function flow(pins: Readonly<Record<string, string>>): string {
  return Object.entries(pins)
    .map(([path, id]) => `${JSON.stringify(path)}: ${id}`)
    .join(", ");
}
