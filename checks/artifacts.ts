import { pinnedImages } from "../release/images";
import type { Settings } from "../release/parse";
import type { Pinned } from "../release/pinned";
import { asContainers, ecrOf } from "../release/runtime";
import { measureBundle } from "./bundles";
import type { Clients } from "./clients";
import { measureEcrImage } from "./ecr";
import { measureImage, measureImageForHost } from "./images";
import type { Probe } from "./probe";
import { engineAuth } from "./registry-credentials";

/** Whether everything that will be asked for is where it must be: images in their registry, bundles in their bucket. */
export function artifactProbes({ pinned, environment }: Settings, clients: Clients): Probe[] {
  const { registry, lambda } = environment;
  const ecr = ecrOf(registry);
  const elsewhere = new Set(pinnedImages(notOnOneHost({ pinned, environment }), registry));
  const images = pinnedImages(pinned.facets, registry).map((image): Probe => ({
    name: `image ${image}`,
    factual: true,
    ask: (signal) => {
      const asked =
        ecr === undefined
          ? measureImage(
              clients.docker,
              image,
              engineAuth(environment, (name) => clients.secret(name)),
            )
          : measureEcrImage(clients.aws, ecr, image, signal);
      return elsewhere.has(image) ? asked : measureImageForHost(clients.docker, image, asked);
    },
  }));
  const bundles = new Set(Object.values(pinned.facets.functions).flatMap(({ bundle }) => bundle ?? []));
  return [
    ...images,
    ...[...bundles].map((bundle): Probe => ({
      name: `bundle ${bundle}`,
      factual: true,
      ask: async (signal) => measureBundle(await clients.aws.s3(), lambda?.bundles ?? "", bundle, signal),
    })),
  ];
}

/** What is pulled by others than the one Docker host that can be asked for its own copies: the nodes of a swarm, AWS. */
function notOnOneHost({
  pinned,
  environment,
}: Pick<Settings, "pinned" | "environment">): Pick<Pinned["facets"], "services" | "functions"> {
  const { services, functions } = pinned.facets;
  return {
    services: asContainers(environment, "services") ? {} : services,
    functions: asContainers(environment, "functions") ? {} : functions,
  };
}
