import { quote } from "../primitives";
import type { Problem } from "../problems";
import { facetAndEntry, facets } from "../schema/release";
import { eachRelease, has, listed, problem, type Rule } from "./rule";

const noRelease = (path: string[], id: string, catalogue: readonly string[]): Problem =>
  problem(path, `no release ${quote(id)}; the catalogue has ${listed(catalogue)}`);

export const pinNamesARelease: Rule = ({ release, catalogue }) =>
  catalogue.includes(release) ? [] : [noRelease(["release"], release, catalogue)];

export const pinsNameReleases: Rule = ({ pins, catalogue }) => {
  const known = new Set(catalogue);
  return Object.entries(pins).flatMap(([at, id]) => (known.has(id) ? [] : [noRelease(["pins", at], id, catalogue)]));
};

export const pinsNameEntries: Rule = ({ pins, releases }) =>
  Object.entries(pins).flatMap(([path, id]) => {
    const release = releases.get(id);
    const [facet, name] = facetAndEntry(path);
    const known = facets.find((each) => each === facet);
    if (release === undefined || known === undefined || name === undefined || has(release[known], name)) return [];
    return [
      problem(["pins", path], `release ${id} has no ${path}; it has ${listed(Object.keys(release[known] ?? {}))}`),
    ];
  });

export const environmentHasWhatReleasesName: Rule = (settings) => {
  const { environment } = settings;
  const known = {
    services: new Set(Object.keys(environment.services ?? {})),
    functions: new Set(Object.keys(environment.functions ?? {})),
    frontend: new Set(Object.keys(environment.frontends ?? {})),
    config: new Set(Object.keys(environment.database?.tables ?? {})),
    storage: new Set(Object.keys(environment.objectStore?.buckets ?? {})),
    toggles: new Set<string>(environment.toggles),
    schema: new Set(["migration"]),
  };
  return eachRelease(settings, (release, at) =>
    facets.flatMap((facet) =>
      Object.keys(release[facet] ?? {})
        .filter((name) => !known[facet].has(name))
        .map((name) =>
          problem(
            [...at, facet, name],
            `the environment ${environment.name} has no such entry; it has ${listed([...known[facet]])}`,
          ),
        ),
    ),
  );
};
