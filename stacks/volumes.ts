import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { volumeName } from "../release/holdings";
import { logicalName } from "../release/logical-names";
import type { Settings } from "../release/parse";
import { kept } from "./protection";

/** The named volumes of a stack by their path: `services/api/data`. */
export type Volumes = Readonly<Record<string, docker.Volume>>;

/**
 * Every volume that the environment names, whether the pinned release runs its service or not: what is in it outlives
 * releases.
 */
export function volumesOf(
  settings: Settings,
  facets: readonly ("services" | "functions")[],
  opts: pulumi.CustomResourceOptions,
): Volumes {
  const { environment } = settings;
  const volumes = facets.flatMap((facet) =>
    Object.entries(environment[facet] ?? {}).flatMap(([entry, { volumes }]) =>
      Object.keys(volumes ?? {}).map((volume) => {
        const path = `${facet}/${entry}/${volume}`;
        const args = { name: volumeName(environment.name, entry, volume), driver: "local" };
        return [
          path,
          new docker.Volume(logicalName(entry, volume), args, { ...opts, ...kept(settings, path) }),
        ] as const;
      }),
    ),
  );
  return Object.fromEntries(volumes);
}

/** The volumes of one entry as its container mounts them. */
export function mountsOf(
  path: string,
  folders: Readonly<Record<string, string>> | undefined,
  volumes: Volumes,
): docker.ContainerArgs["volumes"] & object {
  return Object.entries(folders ?? {}).flatMap(([name, containerPath]) => {
    const volume = volumes[`${path}/${name}`];
    return volume === undefined ? [] : [{ volumeName: volume.name, containerPath }];
  });
}
