import assert from "node:assert/strict";
import type { Fixture } from "./fixture";
import { configOf } from "./stack-edits";

/** An image of the environment's registry. */
export interface StoredImage {
  readonly repository: string;
  readonly digest: string;
}

/** The image that a release pins for a function. */
export function imageOf(stack: Fixture, release: string, name: string): StoredImage {
  const functions = configOf(stack)["rewind:releases"]?.[release]?.functions as Record<string, { image: string }>;
  const [, repository = "", digest = ""] =
    /^([^:@]+)(?::[^@]+)?@(sha256:[0-9a-f]{64})$/.exec(functions[name]?.image ?? "") ??
    assert.fail(`${release} pins no image for ${name}`);
  return { repository, digest };
}

/** Takes an image off the Docker host of a stack. */
export async function takeOffHost({ docker, environment }: Fixture, image: StoredImage): Promise<void> {
  const name = `${environment.registry.address}/${image.repository}@${image.digest}`;
  await docker.getImage(name).remove({ force: true });
}

/** Runs something while the registry has the manifest of an image no longer, and gives the registry back what it had. */
export async function withoutManifest(
  { environment }: Fixture,
  { repository, digest }: StoredImage,
  during: () => Promise<void>,
): Promise<void> {
  const url = `http://${environment.registry.address}/v2/${repository}/manifests/${digest}`;
  const accept = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
  ].join(", ");
  const manifest = await fetch(url, { headers: { accept } });
  const body = await manifest.text();
  assert.equal((await fetch(url, { method: "DELETE" })).status, 202);
  try {
    await during();
  } finally {
    const headers = { "content-type": manifest.headers.get("content-type") ?? "" };
    assert.equal((await fetch(url, { method: "PUT", headers, body })).status, 201);
  }
}
