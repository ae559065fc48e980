import { pinnedImages } from "../release/images";
import type { Settings } from "../release/parse";
import type { ProjectFiles } from "../release/project-files";
import type { Signatures } from "../release/schema/signatures";
import { largestBundle } from "./signature-bundle";
import type { Clients } from "./clients";
import type { Measurement, Probe } from "./probe";
import { fetchBundles, fetchManifest, isMessageSignature } from "./referrers";
import { locate, type Authorize } from "./registry";
import { registryAuthorization } from "./registry-credentials";
import { measureSignatures, type FoundBundle } from "./signatures";
import { readTrust, type Trust } from "./trust";

/** Whether every pinned image is signed as the stack demands; nothing to ask where it demands nothing. */
export function signedImageProbes(
  { environment, pinned }: Settings,
  clients: Pick<Clients, "secret" | "aws">,
  files: ProjectFiles,
): Probe[] {
  if (environment.signatures === undefined) return [];
  const images = pinnedImages(pinned.facets, environment.registry);
  const authorize = registryAuthorization(environment, (name) => clients.secret(name), clients.aws);
  return signatureProbes(environment.signatures, images, files, authorize);
}

/** A probe per image: whether everybody who is demanded has signed it. Bundles of the project come first. */
export function signatureProbes(
  signatures: Signatures,
  images: Iterable<string>,
  files: ProjectFiles,
  authorize?: Authorize,
): Probe[] {
  let trust: Trust | undefined;
  return [...images].map((image) => ({
    name: `signature ${image}`,
    factual: true,
    ask: (signal) => {
      try {
        trust ??= readTrust(signatures, files);
      } catch (error) {
        const evidence = error instanceof Error ? error.message : String(error);
        return Promise.resolve({ result: "failed", evidence });
      }
      return measureImageSignatures(image, signatures, trust, files, signal, authorize);
    },
  }));
}

async function measureImageSignatures(
  image: string,
  { bundles: folder }: Signatures,
  trust: Trust,
  files: ProjectFiles,
  signal: AbortSignal,
  authorize: Authorize | undefined,
): Promise<Measurement> {
  if (!image.includes("@")) return { result: "failed", evidence: "pinned by a tag, and signatures are over digests" };
  const { digest } = locate(image);
  const own = folder === undefined ? [] : ownBundles(folder, digest.replace("sha256:", ""), files);
  // Bundles of the project need no registry.
  const first = measureSignatures(own, digest, trust);
  if (first.result === "passed") return first;
  const { bundles, reasons } = await fetchBundles(image, signal, authorize);
  const messages = own.some(({ text }) => isMessageSignature(text));
  const artifact = messages ? await fetchManifest(image, signal, authorize) : undefined;
  const all = [...own.map((bundle) => ({ ...bundle, artifact })), ...bundles];
  const { result, evidence } = measureSignatures(all, digest, trust);
  return { result, evidence: [evidence, ...(result === "passed" ? [] : reasons)].join("; ") };
}

/** `<hex>.sigstore.json`, and `<hex>.<anything>.sigstore.json` where several have signed. */
function ownBundles(folder: string, hex: string, files: ProjectFiles): FoundBundle[] {
  return files
    .list(folder)
    .filter((name) => name.startsWith(`${hex}.`) && name.endsWith(".sigstore.json"))
    .slice(0, 32)
    .map((name) => ({
      name: `${folder}/${name.slice(0, 12)}…${name.slice(hex.length)}`,
      text: files.read(`${folder}/${name}`, largestBundle).toString("utf8"),
    }));
}
