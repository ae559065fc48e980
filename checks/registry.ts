import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { readBody } from "./bounded";
import { tokenFor } from "./registry-token";
import { fetchOutside } from "./outbound";

/** An image by digest, taken apart: where its registry answers and under which name. */
export interface Located {
  /** Host and port. */
  readonly registry: string;
  readonly repository: string;
  /** `sha256:<hex>`. */
  readonly digest: string;
}

/** The `authorization` header for a registry; undefined where anybody may read. */
export type Authorize = (registry: string) => Promise<string | undefined>;

/** What a registry answered, within its bounds. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Asks a registry for what lies under a path of `/v2/<repository>/`, at most `largest` bytes of it. */
export type Ask = (path: string, accept: string, largest: number) => Promise<Answer>;

/** Takes `registry.example.com/team/scoring@sha256:<hex>` apart. Throws when it has no digest. */
export function locate(image: string): Located {
  const [, registry = "", repository = "", digest = ""] = /^([^/]+)\/([^@]+)@(sha256:[0-9a-f]{64})$/.exec(image) ?? [];
  if (digest === "") throw new Error(`${image} has no digest`);
  return { registry, repository, digest };
}

const mostRedirects = 3;

/**
 * A registry's reader: over HTTPS, over plain HTTP only where it is this machine, as Docker does. It may send on to where
 * it keeps its blobs, but never to another scheme, and its credentials go nowhere else.
 */
export function openRegistry(
  { registry, repository }: Located,
  signal: AbortSignal,
  authorize: Authorize = () => Promise.resolve(undefined),
): Ask {
  const scheme = isLoopback(registry) ? "http:" : "https:";
  // The one registry whose name is not where it answers.
  const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
  let token: string | undefined;
  return async (path, accept, largest) => {
    let url = new URL(`${scheme}//${host}/v2/${repository}/${path}`);
    const home = url.host;
    for (let redirects = 0; ; redirects += 1) {
      const response = await fetchAs(url.host === home ? (token ?? (await authorize(registry))) : undefined);
      if (response.status === 401 && url.host === home && token === undefined) {
        const challenge = response.headers.get("www-authenticate");
        token = await tokenFor(challenge, scheme, repository, await authorize(registry), signal);
        if (token !== undefined) {
          await response.body?.cancel();
          redirects -= 1;
          continue;
        }
      }
      if (response.status < 300 || response.status > 399 || response.status === 304) {
        return {
          status: response.status,
          headers: response.headers,
          body: await readBody(response.body, largest, `${url.host}${url.pathname}`),
        };
      }
      await response.body?.cancel();
      const next = new URL(response.headers.get("location") ?? "", url);
      if (next.protocol !== scheme || (scheme === "http:" && next.host !== home)) {
        throw new Error(`${home} sends on to ${next.protocol}//${next.host}, which is not followed`);
      }
      if (redirects === mostRedirects) throw new Error(`${home} sends on more than ${mostRedirects} times`);
      url = next;
    }

    function fetchAs(authorization: string | undefined): Promise<Response> {
      const headers = { accept, ...(authorization === undefined ? {} : { authorization }) };
      return fetchOutside(url, { headers, redirect: "manual", signal });
    }
  };
}

/** What a registry holds under a digest, whose bytes must have it. Undefined when it holds nothing there. */
export async function fetchByDigest(
  ask: Ask,
  kind: "manifests" | "blobs",
  digest: string,
  accept: string,
  largest: number,
): Promise<Buffer | undefined> {
  const { status, body } = await ask(`${kind}/${digest}`, accept, largest);
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`the registry answers ${status} for ${kind}/${digest}`);
  const actual = `sha256:${createHash("sha256").update(body).digest("hex")}`;
  if (actual !== digest) throw new Error(`the registry has ${actual} under ${digest}`);
  return body;
}

function isLoopback(registry: string): boolean {
  const host = registry.replace(/:[0-9]+$/, "");
  return host === "localhost" || (isIP(host) === 4 && host.startsWith("127."));
}
