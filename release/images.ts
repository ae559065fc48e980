import type { Pinned } from "./pinned";

/** The image of an entry with its registry, without the tag that is for people. */
export function fullImage(registry: string, image: string): string {
  const [name = "", digest] = image.split("@");
  return digest === undefined ? `${registry}/${name}` : `${registry}/${name.replace(/:[^:/]+$/, "")}@${digest}`;
}

/** Every distinct image of a pin, with its registry; functions that are bundles have none. */
export function pinnedImages(
  { services, functions }: Pick<Pinned["facets"], "services" | "functions">,
  registry: string,
): string[] {
  const images = [...Object.values(services), ...Object.values(functions)].flatMap(({ image }) =>
    image === undefined ? [] : [fullImage(registry, image)],
  );
  return [...new Set(images)];
}
