import { createHash } from "node:crypto";
import type { Settings } from "../release/parse";
import type { Digest } from "../release/primitives";
import { fallbackOf, type FrontendPlace } from "../release/schema/frontend";
import { readBeginning } from "./bounded";
import { fetchManifest, measureBuild } from "./stored-build";
import type { Clients } from "./clients";
import type { Measurement, Probe } from "./probe";
import { fetchOutside } from "./outbound";

/** What a frontend's checks need: the pinned build, and the place that it is served from. */
export interface PinnedFrontend {
  readonly name: string;
  readonly build: Digest;
  readonly place: FrontendPlace;
  /** The bucket by the name that the store knows. */
  readonly bucket: string;
}

/** Every pinned frontend with its place. */
export function pinnedFrontends({ pinned, environment }: Pick<Settings, "pinned" | "environment">): PinnedFrontend[] {
  return Object.entries(pinned.facets.frontend).flatMap(([name, { build }]) => {
    const place = environment.frontends?.[name];
    if (place === undefined) return [];
    const bucket = environment.objectStore?.buckets[place.bucket] ?? place.bucket;
    return [{ name, build, place, bucket }];
  });
}

/** Before a change: every pinned build is in the store, whole. */
export function buildProbes(settings: Settings, clients: Clients): Probe[] {
  return pinnedFrontends(settings).map(({ name, build, bucket }) => ({
    name: `build ${name}`,
    factual: true,
    timeout: "30s",
    deadline: "40s",
    ask: (signal) => measureBuild(clients, bucket, name, build, signal),
  }));
}

/** After a change: what people get is the pinned build. */
export function servedProbes(settings: Settings, clients: Clients): Probe[] {
  return pinnedFrontends(settings).map((frontend) => ({
    name: `served frontend/${frontend.name}`,
    ask: (signal) => measureServed(clients, frontend, signal),
  }));
}

/** Whether the address that people load answers with the document of the pinned build. */
export async function measureServed(
  clients: Clients,
  { build, place, bucket }: PinnedFrontend,
  signal: AbortSignal,
): Promise<Measurement> {
  const manifest = await fetchManifest(clients, bucket, build, signal);
  const document = manifest?.find(({ path }) => path === fallbackOf(place));
  if (document === undefined) return { result: "failed", evidence: `${build} has no ${fallbackOf(place)}` };
  const url = `${place.url}/${document.path}`;
  const answer = await fetchOutside(url, { redirect: "manual", signal });
  const { bytes, whole } = await readBeginning(answer.body, document.bytes);
  if (answer.status !== 200) return { result: "failed", evidence: `${url} answers ${answer.status}, expected 200` };
  return whole && createHash("sha256").update(bytes).digest("hex") === document.sha256
    ? { result: "passed", evidence: `${url} is of ${build}` }
    : { result: "failed", evidence: `${url} is not of the pinned build ${build}` };
}
