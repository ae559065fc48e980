import { matchesPattern } from "../release/actions";
import type { CorsRule, ObjectStore } from "../release/schema/storage";
import { addressOfObject } from "./access";
import type { Measurement } from "./probe";
import { fetchOutside } from "./outbound";
import { counted } from "../release/text";

const foreign = "https://rewind-probe.invalid";

/**
 * Whether a bucket answers browsers as its pinned CORS rules say: a preflight from every allowed origin is let through
 * for each of its methods, and one from an origin that no rule names is not.
 */
export async function measureCors(
  objectStore: ObjectStore,
  bucket: string,
  rules: readonly CorsRule[],
  signal: AbortSignal,
): Promise<Measurement> {
  const wanted = rules.flatMap(({ origins, methods }) =>
    // A pattern's star stands for a name or a port like any other.
    origins.flatMap((origin) =>
      methods.map(
        (method) => [origin === "*" ? foreign : origin.replace(/:\*$/, ":1").replace("*", "x"), method] as const,
      ),
    ),
  );
  for (const [origin, method] of wanted) {
    const allowed = await preflight(objectStore, bucket, origin, method, signal);
    if (allowed !== origin && allowed !== "*") {
      return {
        result: "failed",
        evidence: `${bucket} does not let ${origin} ${method}: it allows ${allowed ?? "nothing"}`,
      };
    }
  }
  const open = rules.some(({ origins }) => origins.some((origin) => matchesPattern(origin, foreign)));
  if (open)
    return { result: "passed", evidence: `${counted(wanted.length, "preflight")} let through; any origin is allowed` };
  const allowed = await preflight(objectStore, bucket, foreign, rules[0]?.methods[0] ?? "GET", signal);
  return allowed === undefined
    ? { result: "passed", evidence: `${counted(wanted.length, "preflight")} let through, another origin is refused` }
    : { result: "failed", evidence: `${bucket} lets ${foreign} in, which no rule names` };
}

/** The origin that the store allows, undefined when it refuses. */
async function preflight(
  objectStore: ObjectStore,
  bucket: string,
  origin: string,
  method: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const response = await fetchOutside(addressOfObject(objectStore, bucket, "rewind-probe"), {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": method },
    signal,
  });
  await response.body?.cancel();
  return response.ok ? (response.headers.get("access-control-allow-origin") ?? undefined) : undefined;
}
