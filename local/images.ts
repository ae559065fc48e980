import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type Dockerode from "dockerode";
import { z } from "zod";
import { type Base, describeBase, ensureBase } from "./images/base";
import { bundle, hashSources, readDockerfile } from "./images/bundle";
import { build, finished } from "./images/docker";
import { digestOfTag, hasWholeImage } from "./images/registry";

const repository = "scoring";
/** The versions of the example workload that are built. */
export const versions = ["v1.2.0", "v1.2.1", "v1.2.2"] as const;
export type Version = (typeof versions)[number];
/** Each version's image by digest, without the registry: `scoring@sha256:…`. */
export type Images = Record<Version, string>;

export interface BuildImagesOptions {
  docker: Dockerode;
  /** Host and port, such as `127.0.0.1:5000`; Docker pushes to a loopback address over plain HTTP. */
  registry: string;
  /** Where `images.json` remembers what was built. */
  cacheFolder: string;
  /** Takes a line for people about what takes its time. */
  progress: (line: string) => void;
}

const remembered = z.strictObject({
  sources: z.string(),
  base: z.strictObject({ kind: z.enum(["official", "own"]), key: z.string() }),
  images: z.partialRecord(
    z.enum(versions),
    z.strictObject({ key: z.string(), digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) }),
  ),
});
type Memory = z.infer<typeof remembered>;

/**
 * Builds the example workload's images and pushes them to a registry, as far as they are not there already. What is
 * remembered is believed only if the registry holds it whole, so Docker's data, the registry's data and the memory may
 * each be wiped. Throws when Docker or the registry does not answer, or when they disagree about a digest.
 */
export async function buildImages(options: BuildImagesOptions): Promise<Images> {
  const { docker, registry, cacheFolder, progress } = options;
  const file = path.join(cacheFolder, "images.json");
  const [sources, memory] = await Promise.all([hashSources(), recall(file)]);
  const held = await heldDigests(registry, memory);
  if (memory?.sources === sources && (await describeBase(memory.base.kind))?.key === memory.base.key) {
    const images = complete(held);
    if (images !== undefined) return images;
  }
  const base = await ensureBase(docker, progress);
  const dockerfile = await readDockerfile();
  const next: Memory = { sources, base: { kind: base.kind, key: base.key }, images: {} };
  for (const version of versions) {
    const main = await bundle(version);
    const key = createHash("sha256").update(`${base.key}\0${version}\0`).update(dockerfile).update(main).digest("hex");
    const known = memory?.images[version]?.key === key ? held[version] : undefined;
    const digest = known ?? (await buildAndPush(options, version, base, { Dockerfile: dockerfile, "main.js": main }));
    next.images[version] = { key, digest };
    held[version] = digest;
  }
  await remember(file, next);
  const images = complete(held);
  if (images === undefined) throw new Error("an image is missing after all were built");
  return images;
}

async function buildAndPush(
  { docker, registry, progress }: BuildImagesOptions,
  version: Version,
  base: Base,
  context: Record<string, Buffer>,
): Promise<string> {
  const started = performance.now();
  const name = `${registry}/${repository}`;
  await build(docker, context, { t: `${name}:${version}`, buildargs: { BASE: base.name, VERSION: version } });
  // The registry asks for no credentials, but Docker's interface asks for the field.
  const stream = await docker
    .getImage(name)
    .push({ tag: version, authconfig: { username: "", password: "" } as never });
  const pushed = (await finished(docker, stream)).map(({ aux }) => aux?.Digest).findLast(Boolean);
  const digest = await digestOfTag(registry, repository, version);
  if (digest === undefined || digest !== pushed) {
    const said = `Docker pushed ${pushed ?? "nothing"}, the registry holds ${digest ?? "nothing"}`;
    throw new Error(`${name}:${version}: ${said}; is another program using this registry?`);
  }
  progress(`built and pushed ${repository} ${version} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return digest;
}

/** The remembered digests that the registry still holds whole. */
async function heldDigests(registry: string, memory: Memory | undefined): Promise<Partial<Record<Version, string>>> {
  const held: Partial<Record<Version, string>> = {};
  await Promise.all(
    versions.map(async (version) => {
      const digest = memory?.images[version]?.digest;
      if (digest !== undefined && (await hasWholeImage(registry, repository, digest))) held[version] = digest;
    }),
  );
  return held;
}

function complete(digests: Partial<Record<Version, string>>): Images | undefined {
  const { "v1.2.0": first, "v1.2.1": second, "v1.2.2": third } = digests;
  if (first === undefined || second === undefined || third === undefined) return undefined;
  const named = (digest: string): string => `${repository}@${digest}`;
  return { "v1.2.0": named(first), "v1.2.1": named(second), "v1.2.2": named(third) };
}

/** What was remembered; a file that is missing, cut short or of another make counts as nothing. */
async function recall(file: string): Promise<Memory | undefined> {
  try {
    return remembered.safeParse(JSON.parse(await readFile(file, "utf8"))).data;
  } catch {
    return undefined;
  }
}

/** Written beside and moved into place: Ctrl-C never leaves half a file. */
async function remember(file: string, memory: Memory): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${String(process.pid)}`;
  await writeFile(draft, `${JSON.stringify(memory, null, 2)}\n`);
  await rename(draft, file);
}
