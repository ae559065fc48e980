import { randomUUID } from "node:crypto";
import type { dynamic } from "@pulumi/pulumi";
import { dockerAt } from "../checks/clients";
import { untilHealthy } from "../checks/health";
import type { HealthyContainersInputs } from "./healthy-containers";

/** Waits for the first containers. */
export async function create(inputs: HealthyContainersInputs): Promise<dynamic.CreateResult<HealthyContainersInputs>> {
  await wait(inputs);
  return { id: randomUUID(), outs: inputs };
}

/** Waits for those that are new, and asks the others once. */
export async function update(news: HealthyContainersInputs): Promise<dynamic.UpdateResult<HealthyContainersInputs>> {
  await wait(news);
  return { outs: news };
}

/** How long the engine may say nothing, in milliseconds. */
const silence = 60_000;

const wait = ({ host, containers }: HealthyContainersInputs): Promise<void> =>
  untilHealthy(dockerAt(host, silence), containers);

/** What the engine calls. */
export const provider: dynamic.ResourceProvider<HealthyContainersInputs, HealthyContainersInputs> = {
  create,
  update: (_id, _olds, news) => update(news),
  delete: () => Promise.resolve(),
};
