import { createHash } from "node:crypto";

const manifestTypes = [
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.index.v1+json",
].join(", ");

interface Descriptor {
  digest: string;
}
interface Manifest {
  config?: Descriptor;
  layers?: Descriptor[];
}

async function ask(registry: string, path: string, method: "GET" | "HEAD"): Promise<Response> {
  try {
    const signal = AbortSignal.timeout(5_000);
    return await fetch(`http://${registry}/v2/${path}`, { method, headers: { accept: manifestTypes }, signal });
  } catch (thrown) {
    // `fetch` says only "fetch failed".
    throw new Error(`the registry ${registry} does not answer`, { cause: thrown });
  }
}

/** The digest under which the registry holds a tag, as the registry itself says; undefined when it has no such tag. */
export async function digestOfTag(registry: string, repository: string, tag: string): Promise<string | undefined> {
  const answer = await ask(registry, `${repository}/manifests/${tag}`, "HEAD");
  return answer.ok ? (answer.headers.get("docker-content-digest") ?? undefined) : undefined;
}

/**
 * Whether the registry holds an image whole: the manifest, whose bytes must hash to the digest, and every blob it names.
 * The manifest alone proves little after somebody cleared half of the registry's folder. Throws only when the registry
 * does not answer at all.
 */
export async function hasWholeImage(registry: string, repository: string, digest: string): Promise<boolean> {
  const answer = await ask(registry, `${repository}/manifests/${digest}`, "GET");
  const body = Buffer.from(await answer.arrayBuffer());
  if (!answer.ok || `sha256:${createHash("sha256").update(body).digest("hex")}` !== digest) return false;
  const { config, layers = [] } = JSON.parse(body.toString("utf8")) as Manifest;
  const blobs = await Promise.all(
    [...(config === undefined ? [] : [config]), ...layers].map((blob) =>
      ask(registry, `${repository}/blobs/${blob.digest}`, "HEAD"),
    ),
  );
  return blobs.every(({ ok }) => ok);
}
