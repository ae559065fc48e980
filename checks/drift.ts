import {
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  type GetBucketTaggingCommandOutput,
} from "@aws-sdk/client-s3";
import type Docker from "dockerode";
import { shortened } from "../release/text";
import { canonicalJson } from "../release/canonical";
import type { Settings } from "../release/parse";
import type { Pinned } from "../release/pinned";
import { asContainers, nameInSwarm, runtimeOf } from "../release/runtime";
import { variablesFor, type Told } from "../release/variables";
import { pinnedProbes } from "./after";
import type { Clients } from "./clients";
import type { Containers } from "./containers";
import { isNoSuchBucket } from "./policy";
import type { Measurement, Probe, Timing } from "./probe";

type Pin = Pinned["facets"]["services" | "functions"][string];

/** Drift is a fact that does not go away by asking again. */
export const timingOfDrift: Timing = { timeout: "5s", deadline: "8s" };

/**
 * Whether what runs is still what was applied: everything that verification compares after a change, and what only a
 * person at a console changes: a container's variables (its toggles among them), a bucket's versioning and tags.
 */
export function probesOfDrift(settings: Settings, clients: Clients, containers: Containers): Probe[] {
  const { pinned, environment } = settings;
  const onSwarm = runtimeOf(environment, "services") === "swarm";
  // ECS and Lambda are asked for what they run by their own probes.
  const facets = (["services", "functions"] as const).filter(
    (facet) => asContainers(environment, facet) || (facet === "services" && onSwarm),
  );
  const variables = facets.flatMap((facet) =>
    Object.entries<Pin>(pinned.facets[facet]).flatMap(([name, pin]): Probe[] => {
      const workload = environment[facet]?.[name];
      const path = `${facet}/${name}`;
      if (workload === undefined) return [];
      const expected = variablesFor(settings, path, pin, workload);
      const secret = (key: string) => clients.secret(key);
      return [
        {
          name: `variables ${path}`,
          ask: () =>
            facet === "services" && onSwarm
              ? measureSwarmVariables(clients.docker, nameInSwarm(environment, name), expected, secret)
              : measureVariables(clients.docker, containers[path], expected, secret),
        },
      ];
    }),
  );
  const buckets = Object.entries(pinned.facets.storage).flatMap(([name, pin]): Probe[] => {
    const bucket = environment.objectStore?.buckets[name];
    return bucket === undefined
      ? []
      : [{ name: `settings ${name}`, ask: () => measureBucketSettings(clients, bucket, pin) }];
  });
  // A container that was replaced by hand will not be another one in two seconds.
  return [...pinnedProbes(settings, clients, containers), ...variables, ...buckets].map((probe) => ({
    ...probe,
    factual: true,
  }));
}

/**
 * Whether a container's variables are those that it was made with. Of a secret the evidence says its variable's name
 * alone. Variables that the image brings are the image's.
 */
export async function measureVariables(
  docker: Docker,
  id: string | undefined,
  told: Told,
  valueOf: (secret: string) => string,
): Promise<Measurement> {
  if (id === undefined) return { result: "failed", evidence: "no container" };
  const { Config, Image } = await docker.getContainer(id).inspect();
  const ofImage = parsed((await docker.getImage(Image).inspect()).Config.Env);
  return compareVariables(parsed(Config.Env), ofImage, told, valueOf);
}

/** The same of a service on a swarm, whose tasks are made with what the service says. */
async function measureSwarmVariables(
  docker: Docker,
  name: string,
  told: Told,
  valueOf: (secret: string) => string,
): Promise<Measurement> {
  const { Spec } = (await docker.getService(name).inspect()) as {
    Spec: { TaskTemplate: { ContainerSpec: { Env?: string[] } } };
  };
  return compareVariables(parsed(Spec.TaskTemplate.ContainerSpec.Env), new Map(), told, valueOf);
}

function compareVariables(
  live: ReadonlyMap<string, string>,
  ofImage: ReadonlyMap<string, string>,
  { plain, secret }: Told,
  valueOf: (secret: string) => string,
): Measurement {
  const differing = Object.entries(plain).flatMap(([name, value]) => {
    const found = live.get(name);
    if (found === value) return [];
    return [found === undefined ? `${name} is missing` : `${name} is ${quoted(found)}, applied was ${quoted(value)}`];
  });
  const secrets = Object.entries(secret).flatMap(([name, key]) => {
    const found = live.get(name);
    if (found === undefined) return [`${name} is missing`];
    return found === valueOf(key) ? [] : [`${name} is not the secret ${key}`];
  });
  const known = new Set([...Object.keys(plain), ...Object.keys(secret)]);
  const others = [...live]
    .filter(([name, value]) => !known.has(name) && ofImage.get(name) !== value)
    .map(([name]) => `${name} was not applied`);
  const wrong = [...differing, ...secrets, ...others];
  return wrong.length === 0
    ? { result: "passed", evidence: `${known.size} variables are as they were applied` }
    : { result: "failed", evidence: wrong.slice(0, 20).join("; ") };
}

function parsed(lines: readonly string[] | null | undefined): Map<string, string> {
  return new Map(
    (lines ?? []).map((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

const quoted = (text: string): string => JSON.stringify(shortened(text, 80));

/** Whether a bucket keeps versions, and has the tags, that were applied. */
export async function measureBucketSettings(
  clients: Clients,
  name: string,
  pin: Pinned["facets"]["storage"][string],
): Promise<Measurement> {
  const store = clients.objectStore("own");
  const { Status } = await store.send(new GetBucketVersioningCommand({ Bucket: name }));
  const keeps = Status === "Enabled";
  const tags = await store.send(new GetBucketTaggingCommand({ Bucket: name })).then(tagsIn, (error: unknown) => {
    if (error instanceof Error && error.name === "NoSuchTagSet" && !isNoSuchBucket(error)) return {};
    throw error;
  });
  const wanted = pin.tags ?? {};
  const wrong = [
    ...(keeps === (pin.versioning === true)
      ? []
      : [`versioning is ${keeps ? "on" : "off"}, applied was ${keeps ? "off" : "on"}`]),
    ...(canonicalJson(tags) === canonicalJson(wanted)
      ? []
      : [`tags are ${JSON.stringify(tags)}, applied were ${JSON.stringify(wanted)}`]),
  ];
  return wrong.length === 0
    ? { result: "passed", evidence: `versioning and tags of ${name} are as they were applied` }
    : { result: "failed", evidence: `${name}: ${wrong.join("; ")}` };
}

function tagsIn({ TagSet = [] }: GetBucketTaggingCommandOutput): Record<string, string> {
  return Object.fromEntries(TagSet.map(({ Key = "", Value = "" }) => [Key, Value]));
}
