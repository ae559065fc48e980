import type Docker from "dockerode";
import type { Running } from "../release/baseline";
import type { Settings } from "../release/parse";
import { asContainers } from "../release/runtime";
import { variablesFor } from "../release/variables";
import { pinnedProbes } from "./after";
import type { Clients } from "./clients";
import type { Containers } from "./containers";
import { describeError } from "./probe";

type Facet = "services" | "functions";
type Pin = Settings["pinned"]["facets"][Facet][string];

/** What every pinned service and function runs, as what runs says itself; whatever is not there is said, too. */
export async function whatRuns(
  settings: Settings,
  clients: Clients,
  containers: Containers,
  facet: Facet,
): Promise<Record<string, Running>> {
  const { environment, pinned } = settings;
  const entries = Object.entries<Pin>(pinned.facets[facet]).map(async ([name, pin]): Promise<[string, Running]> => {
    const path = `${facet}/${name}`;
    const release = pinned.sources[path] ?? pinned.release;
    try {
      if (!asContainers(environment, facet)) return [name, await asProbed(settings, clients, path, pin, release)];
      const workload = environment[facet]?.[name];
      const told = workload === undefined ? {} : variablesFor(settings, path, pin, workload).plain;
      return [name, await inContainer(clients.docker, containers[path], Object.keys(told))];
    } catch (error) {
      return [name, { release: null, runs: describeError(error) }];
    }
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Orchestrators are asked by the probes that verify them; the parameters are those that were pinned. */
async function asProbed(
  settings: Settings,
  clients: Clients,
  path: string,
  pin: Pin,
  release: string,
): Promise<Running> {
  const probe = pinnedProbes(settings, clients, {}).find(({ name }) => name === `running ${path}`);
  if (probe === undefined) return { release: null, runs: "nobody knows how to ask" };
  const { result, evidence } = await probe.ask(AbortSignal.timeout(30_000));
  const parameters = "parameters" in pin && pin.parameters !== undefined ? { parameters: pin.parameters } : {};
  return { release: result === "passed" ? release : null, runs: evidence, ...parameters };
}

/** @param names of the variables that carry no secret */
async function inContainer(docker: Docker, id: string | undefined, names: readonly string[]): Promise<Running> {
  if (id === undefined) return { release: null, runs: "no container" };
  const { Config, Image, State } = await docker.getContainer(id).inspect();
  const { RepoDigests, Id } = await docker.getImage(Image).inspect();
  const live = new Map(
    ((Config.Env as string[] | null) ?? []).map((line): [string, string] => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const variables = Object.fromEntries(names.flatMap((name) => (live.has(name) ? [[name, live.get(name) ?? ""]] : [])));
  const { ENGINE_PARAMETERS: parameters, ...others } = variables;
  const image = RepoDigests[0] ?? Id;
  return {
    release: Config.Labels["rewind.release"] ?? null,
    runs: State.Running ? image : `${image}, ${State.Status}`,
    ...(parameters === undefined ? {} : { parameters: JSON.parse(parameters) as NonNullable<Running["parameters"]> }),
    variables: others,
  };
}
