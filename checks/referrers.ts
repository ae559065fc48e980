import { z } from "zod";
import { Digest, quote } from "../release/primitives";
import { largestBundle, parseStrictJson } from "./signature-bundle";
import { fetchByDigest, locate, openRegistry, type Ask, type Authorize, type Located } from "./registry";
import type { FoundBundle } from "./signatures";

const largest = 256 * 1024;
/** Anyone who may push to a repository can attach any number of referrers. */
const most = 32;
const mostPages = 8;

const indexType = "application/vnd.oci.image.index.v1+json";
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const bundleType = "application/vnd.dev.sigstore.bundle";
const signatureType = "https://sigstore.dev/cosign/sign/v1";
const predicateType = "dev.sigstore.bundle.predicateType";

const Annotations = z.record(z.string(), z.string()).optional();
const Index = z.object({
  manifests: z.array(
    z.object({ digest: Digest, mediaType: z.string(), artifactType: z.string().optional(), annotations: Annotations }),
  ),
});
const Manifest = z.object({
  subject: z.object({ digest: Digest }).optional(),
  layers: z.array(z.object({ digest: Digest, mediaType: z.string(), size: z.int().min(0) })),
  annotations: Annotations,
});

/** What lies beside an image in its registry: bundles, and referrers that ought to be bundles and are not. */
export interface Found {
  readonly bundles: readonly FoundBundle[];
  readonly reasons: readonly string[];
}

/**
 * The Sigstore bundles that refer to an image, as cosign attaches them: from the registry's referrers, or, where it has
 * none to offer, from the tag `sha256-<hex>`. Everything is fetched by its digest; nothing is believed yet.
 *
 * @param image with its registry and digest
 * @throws Error when the registry does not answer as one
 */
export async function fetchBundles(image: string, signal: AbortSignal, authorize?: Authorize): Promise<Found> {
  const located = locate(image);
  const ask = openRegistry(located, signal, authorize);
  const bundles: FoundBundle[] = [];
  const reasons: string[] = [];
  for (const { digest, annotations } of await referrers(ask, located)) {
    // An attestation says so, and is none of ours.
    const said = annotations?.[predicateType];
    if (said !== undefined && said !== signatureType) continue;
    const name = `registry ${digest.slice(0, 19)}…`;
    if (bundles.length + reasons.length >= most) {
      reasons.push(`more than ${most} referrers, of which the first were looked at`);
      break;
    }
    try {
      const bundle = await bundleOf(ask, digest, located.digest);
      if (bundle !== undefined) bundles.push({ name, ...bundle });
    } catch (error) {
      if (!(error instanceof NotOne)) throw error;
      reasons.push(`${name}: ${error.message}`);
    }
  }
  return { bundles, reasons };
}

/** Whether a bundle may sign the image's manifest rather than a statement about it. */
export function isMessageSignature(text: string): boolean {
  return text.includes('"messageSignature"');
}

/** The reason why a referrer is no bundle for this image. Asking again cannot help. */
class NotOne extends Error {}

type Descriptors = z.infer<typeof Index>["manifests"];

/**
 * What a registry answers where it has no list of referrers: 404 by the specification, and in the field 400, 405, 406 and
 * others. Looking under the tag instead is safe, for nothing counts that is not signed; an answer that the reader is not
 * let in, or has to wait, is not one of these.
 */
const hasNoList = (status: number): boolean => status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status);

async function referrers(ask: Ask, located: Located): Promise<Descriptors> {
  const { digest } = located;
  const all: Descriptors[number][] = [];
  let path: string | undefined = `referrers/${digest}`;
  for (let page = 0; path !== undefined; page += 1) {
    const answer = await ask(path, indexType, largest);
    const isList = answer.status === 200 && answer.headers.get("content-type")?.startsWith(indexType) === true;
    if (!isList && page === 0 && (answer.status === 200 || hasNoList(answer.status))) return tagged(ask, digest);
    if (!isList) throw new Error(`the registry answers ${answer.status} for referrers`);
    all.push(...descriptorsIn(answer.body));
    path = nextPage(answer.headers.get("link"), located, path);
    if (path !== undefined && page + 1 === mostPages) {
      throw new Error(
        `the registry has more than ${mostPages} pages of referrers of this image; remove the useless ones`,
      );
    }
  }
  return all;
}

/** What the tag `sha256-<hex>` lists, as tools write it where a registry has no list of its own. */
async function tagged(ask: Ask, digest: string): Promise<Descriptors> {
  const { status, body } = await ask(`manifests/${digest.replace(":", "-")}`, indexType, largest);
  if (status === 404) return [];
  if (status !== 200) throw new Error(`the registry answers ${status} for ${digest.replace(":", "-")}`);
  return descriptorsIn(body);
}

function descriptorsIn(body: Buffer): Descriptors {
  const index = Index.safeParse(json(body));
  if (!index.success) throw new Error("the registry's list of referrers is not one");
  return index.data.manifests;
}

/** Where a list goes on: the same registry is asked, whatever host the link names, and only for the same list. */
function nextPage(link: string | null, { repository, digest }: Located, path: string): string | undefined {
  const [, target] = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(link ?? "") ?? [];
  if (target === undefined) return undefined;
  const base = `/v2/${repository}/`;
  const here = `http://registry${base}${path}`;
  const next = URL.canParse(target, here) ? new URL(target, here) : undefined;
  if (next?.pathname !== `${base}referrers/${digest}`) {
    throw new Error(`the list of referrers goes on at ${quote(target)}, which is not followed`);
  }
  return `referrers/${digest}${next.search}`;
}

async function bundleOf(ask: Ask, digest: string, image: string): Promise<Omit<FoundBundle, "name"> | undefined> {
  const bytes = await fetchByDigest(ask, "manifests", digest, manifestType, largest);
  if (bytes === undefined) throw new NotOne("listed and not there");
  const manifest = Manifest.safeParse(json(bytes));
  if (!manifest.success) throw new NotOne("no manifest of an artifact");
  const { layers, subject } = manifest.data;
  const [layer, ...others] = layers.filter(({ mediaType }) => mediaType.startsWith(bundleType));
  if (layer === undefined) return undefined;
  if (subject?.digest !== image) throw new NotOne(`refers to ${quote(subject?.digest)}`);
  if (others.length > 0) throw new NotOne("more than one bundle in one artifact");
  if (layer.size > largestBundle) throw new NotOne(`a bundle of ${layer.size} bytes; at most ${largestBundle}`);
  const blob = await fetchByDigest(ask, "blobs", layer.digest, "*/*", largestBundle);
  if (blob === undefined) throw new NotOne("its bundle is not there");
  const text = blob.toString("utf8");
  return { text, artifact: isMessageSignature(text) ? await signedManifest(ask, image) : undefined };
}

/** An image's own manifest, over which a message signature is; undefined when the registry has none. */
export async function fetchManifest(
  image: string,
  signal: AbortSignal,
  authorize?: Authorize,
): Promise<Buffer | undefined> {
  const located = locate(image);
  return signedManifest(openRegistry(located, signal, authorize), located.digest);
}

async function signedManifest(ask: Ask, image: string): Promise<Buffer | undefined> {
  const types = [manifestType, indexType, ...docker].join(", ");
  return fetchByDigest(ask, "manifests", image, types, 4 * 1024 * 1024);
}
const docker = [
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

function json(bytes: Buffer): unknown {
  try {
    return parseStrictJson(bytes.toString("utf8"), "the answer");
  } catch {
    return undefined;
  }
}
