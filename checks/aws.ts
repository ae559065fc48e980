import { fullImage } from "../release/images";
import type { Settings } from "../release/parse";
import { isOnAws, nameOnAws, onDocker, runtimeOf } from "../release/runtime";
import type { Environment } from "../release/schema/environment";
import { measureBucketSettings } from "./bucket-settings";
import type { Clients } from "./clients";
import { measureEcsService } from "./ecs";
import { measureLambda } from "./lambda";
import type { Probe } from "./probe";

/** Whether AWS runs and keeps what is pinned: services on ECS, functions on Lambda, settings of buckets. */
export function awsProbes(
  { pinned, environment }: Pick<Settings, "pinned" | "environment">,
  clients: Clients,
): Probe[] {
  const { facets } = pinned;
  const { registry, ecs, objectStore } = environment;
  const services =
    runtimeOf(environment, "services") !== "ecs"
      ? []
      : Object.entries(facets.services).map(([name, { image }]): Probe => {
          const expected = {
            cluster: ecs?.cluster ?? "",
            service: nameOnAws(environment, name),
            container: name,
            image: fullImage(registry, image),
            replicas: environment.services?.[name]?.replicas ?? 1,
          };
          return {
            name: `running services/${name}`,
            ask: async (signal) => measureEcsService(await clients.aws.ecs(), expected, signal),
          };
        });
  const functions =
    runtimeOf(environment, "functions") !== "lambda"
      ? []
      : Object.entries(facets.functions).map(([name, { image = "", bundle }]): Probe => {
          const expected = bundle === undefined ? { image: fullImage(registry, image) } : { bundle };
          return {
            name: `running functions/${name}`,
            ask: async (signal) =>
              measureLambda(await clients.aws.lambda(), nameOnAws(environment, name), expected, signal),
          };
        });
  const buckets = !isOnAws(environment)
    ? []
    : Object.entries(facets.storage).flatMap(([name, pin]): Probe[] => {
        const bucket = objectStore?.buckets[name];
        if (bucket === undefined) return [];
        const keys = objectStore?.keys ?? {};
        return [
          {
            name: `bucket settings ${name}`,
            ask: (signal) => measureBucketSettings(clients.objectStore("own"), bucket, pin, keys, signal),
          },
        ];
      });
  return [...services, ...functions, ...buckets];
}

/**
 * Where an entry on ECS or Lambda answers, which only the environment knows; undefined for one on a Docker engine.
 * @throws Error when the environment does not say it
 */
export function addressOnAws(environment: Environment, entry: string): Promise<string> | undefined {
  const [facet, name = ""] = entry.split("/") as ["services" | "functions", string?];
  if (onDocker(environment, facet)) return undefined;
  const url = environment[facet]?.[name]?.url;
  if (url === undefined) return Promise.reject(new Error(`${entry} has no url in the environment`));
  return Promise.resolve(url.replace(/\/$/, ""));
}
