import { pinnedImages } from "../release/images";
import type { Settings } from "../release/parse";
import { ecrOf } from "../release/runtime";
import { measureBundle } from "./bundles";
import type { Clients } from "./clients";
import { measureImage } from "./containers";
import { measureEcrImage } from "./ecr";
import type { Probe } from "./probe";
import { engineAuth } from "./registry-credentials";

/** Whether everything that will be asked for is where it must be: images in their registry, bundles in their bucket. */
export function artifactProbes({ pinned, environment }: Settings, clients: Clients): Probe[] {
  const { registry, lambda } = environment;
  const ecr = ecrOf(registry);
  const images = pinnedImages(pinned.facets, registry).map((image): Probe => ({
    name: `image ${image}`,
    factual: true,
    ask: (signal) =>
      ecr === undefined
        ? measureImage(
            clients.docker,
            image,
            engineAuth(environment, (name) => clients.secret(name)),
          )
        : measureEcrImage(clients.aws, ecr, image, signal),
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
