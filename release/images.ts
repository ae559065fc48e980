import type { Pinned } from "./pinned";

/** The image of an entry with its registry, without the tag that is for people. */
export function fullImage(registry: string, image: string): string {
  const [name = "", digest] = image.split("@");
  return digest === undefined ? `${registry}/${name}` : `${registry}/${name.replace(/:[^:/]+$/, "")}@${digest}`;
}

/** An image as a Docker engine lists it among its digests and tags: those of Docker Hub without their registry. */
export const engineName = (image: string): string =>
  image.replace(/^(?:index\.)?docker\.io\/(?:library\/(?=[^/]+$))?/, "");

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

/** An image reference in its parts. */
export interface ImageParts {
  readonly name: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** `scoring:v1.2.0@sha256:…` as its name, tag and digest. */
export function imageParts(image: string): ImageParts {
  const [, name = image, tag, digest] = /^([^@]*?)(?::([^:/@]+))?(?:@(.+))?$/.exec(image) ?? [];
  return { name, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}
