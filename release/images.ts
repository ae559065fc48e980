/** The image of an entry with its registry, without the tag that is for people. */
export function fullImage(registry: string, image: string): string {
  const [name = "", digest] = image.split("@");
  return digest === undefined ? `${registry}/${name}` : `${registry}/${name.replace(/:[^:/]+$/, "")}@${digest}`;
}
