import type Docker from "dockerode";
import { engineName } from "../release/images";
import type { Measurement } from "./probe";

/** What a registry says of an image. */
export interface RegistryAnswer extends Measurement {
  /** Why the registry cannot give the image out although nothing speaks against it: a copy on the Docker host will do. */
  readonly unavailable?: string;
}

/** How long a registry has to answer before the Docker host is asked: less than an attempt of the probe may take. */
const patience = 3_000;

/**
 * Whether an update on a single Docker host can have an image: from its registry, or, where the registry does not answer
 * or has it no longer, from the host, whose copy of the very digest the update uses without asking the registry.
 *
 * @param asked the registry's answer, on its way
 */
export async function measureImageForHost(
  docker: Docker,
  image: string,
  asked: Promise<RegistryAnswer>,
  within = patience,
): Promise<Measurement> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      resolve(undefined);
    }, within);
  });
  const answer = await Promise.race([asked, late]).finally(() => {
    clearTimeout(timer);
  });
  if (answer !== undefined && answer.unavailable === undefined) return answer;
  if (await isOnHost(docker, image)) {
    const reason = answer?.unavailable ?? `the registry does not answer within ${within} ms`;
    const details = answer === undefined ? "" : ` (${answer.evidence})`;
    return { result: "passed", warning: true, evidence: `${reason}; the Docker host has the image${details}` };
  }
  const { result, evidence } = answer ?? (await asked);
  return result === "passed"
    ? { result, evidence }
    : { result, evidence: `${evidence}; nor does the Docker host have it` };
}

/** Whether a Docker host has an image under its own repository and digest. A tag says nothing: it can be moved. */
async function isOnHost(docker: Docker, image: string): Promise<boolean> {
  if (!image.includes("@sha256:")) return false;
  try {
    const { RepoDigests } = (await docker.getImage(image).inspect()) as { RepoDigests: string[] | null };
    return RepoDigests?.includes(engineName(image)) ?? false;
  } catch {
    // Absent, or the engine does not answer: either way what the registry said stands.
    return false;
  }
}

/** Whether the registry has an image, asked through the engine that would pull it, with what the registry asks for. */
export async function measureImage(
  docker: Docker,
  image: string,
  auth?: Docker.AuthConfigObject,
): Promise<RegistryAnswer> {
  try {
    const shown = auth === undefined ? {} : { authconfig: auth };
    const { Descriptor } = (await docker.getImage(image).distribution(shown)) as { Descriptor: { digest: string } };
    const pinned = image.split("@")[1];
    return pinned === undefined || Descriptor.digest === pinned
      ? { result: "passed", evidence: Descriptor.digest }
      : { result: "failed", evidence: `the registry has ${Descriptor.digest}` };
  } catch (error) {
    const { statusCode, json } = error as { statusCode?: number; json?: { message?: string } };
    const message = json?.message ?? (error instanceof Error ? error.message : String(error));
    const missing = statusCode === 404 || /not found|(?:manifest|name) unknown/i.test(message);
    const unavailable = unavailableBecause(statusCode, missing, isRefusal(statusCode, message, image));
    return {
      result: missing ? "failed" : "error",
      evidence: `${missing ? "not in its registry" : "registry"}: ${message}`,
      ...(unavailable === undefined ? {} : { unavailable }),
    };
  }
}

/** An engine that does not answer itself has no status; a registry that cannot be asked is a 500 of the engine. */
function unavailableBecause(status: number | undefined, missing: boolean, refused: boolean): string | undefined {
  if (status === undefined || refused) return undefined;
  if (missing) return "the registry no longer has the image";
  return status >= 500 || status === 429 ? "the registry does not answer" : undefined;
}

/**
 * Whether the registry does not let the caller in. Engines report some of these as errors of their own (500), so the text
 * counts as well; names in it do not.
 */
function isRefusal(status: number | undefined, message: string, image: string): boolean {
  if (status === 401 || status === 403) return true;
  const [registry = "", ...repository] = (image.split("@")[0] ?? "").split("/");
  const said = [image, repository.join("/"), registry]
    .filter((name) => name !== "")
    .reduce((text, name) => text.replaceAll(name, ""), message.replace(/"[^"]*"/g, ""));
  return /unauthori[sz]ed|denied|forbidden|basic auth|authenticat|credential|password|\b40[13]\b/i.test(said);
}
