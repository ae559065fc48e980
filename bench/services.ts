import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import type Docker from "dockerode";
import { parseDocument } from "yaml";
import { figureOf, type Figure } from "./figure";
import {
  checkout,
  closeBench,
  flip,
  openBench,
  output,
  print,
  pulumi,
  runs,
  time,
  writeBareProject,
  type Target,
} from "./project";

const applying = ["up", "--yes", "--skip-preview"];
const releases = ["v1.2.0", "v1.2.1"] as const;
const services = Array.from({ length: 20 }, (_, index) => `s${String(index + 1).padStart(2, "0")}`);

/** A stack of twenty services and nothing else, each asked for its health: the images of the example. */
function writeFleet(stackFile: string): Target {
  const document = parseDocument(readFileSync(stackFile, "utf8"));
  const config = (...path: string[]): string[] => ["config", ...path];
  for (const part of ["functions", "database", "objectStore", "caches", "toggles", "jobs", "proxy", "routes"]) {
    document.deleteIn(config("rewind:environment", part));
  }
  const workload = {
    command: ["score_prism"],
    port: 8080,
    memory: 128,
    healthcheck: { command: ["/bin/node", "/app/main.js", "healthcheck"], interval: "2s", timeout: "10s" },
    // Nothing of it is used: the service connects with its first request.
    variables: { DATABASE_URL: "postgres://nobody@127.0.0.1/none", API_TOKEN: "none" },
  };
  document.setIn(config("rewind:environment", "name"), "fleet");
  document.setIn(
    config("rewind:environment", "services"),
    Object.fromEntries(services.map((name) => [name, workload])),
  );
  for (const release of releases) {
    const at = config("rewind:releases", release);
    const image: unknown = document.getIn([...at, "services", "api", "image"]);
    document.setIn(at, { services: Object.fromEntries(services.map((name) => [name, { image }])) });
  }
  document.deleteIn(config("rewind:releases", "v1.2.2"));
  const expect = { status: 200 };
  const checks = services.map((name) => [name, { kind: "http", to: `services/${name}`, path: "/health", expect }]);
  document.setIn(config("rewind:verification", "checks"), Object.fromEntries(checks));
  document.deleteIn(config("rewind:secrets"));
  document.delete("encryptionsalt");
  const file = join(checkout, "Pulumi.fleet.yaml");
  writeFileSync(file, document.toString({ lineWidth: 0 }));
  return { cwd: checkout, stack: "fleet", file };
}

/** The flip of twenty services with gates and verification, against the same resources without. */
async function fleetFigure(stackFile: string, env: NodeJS.ProcessEnv): Promise<Figure> {
  const ours = writeFleet(stackFile);
  const theirs = writeBareProject(ours.file);
  const taken: Record<string, number[]> = { [ours.stack]: [], [theirs.stack]: [] };
  for (const target of [ours, theirs]) {
    await output("pulumi", ["stack", "select", "--create", target.stack], target.cwd, env);
    flip(target, "v1.2.1");
    await pulumi(target, env, ...applying);
  }
  for (let round = 0; round < runs; round += 1) {
    for (const target of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) {
      flip(target, round % 2 === 0 ? "v1.2.0" : "v1.2.1");
      taken[target.stack]?.push(await pulumi(target, env, ...applying));
    }
  }
  for (const target of [ours, theirs]) await pulumi(target, env, "destroy", "--yes", "--skip-preview");
  rmSync(ours.file, { force: true });
  rmSync(join(checkout, ".rewind", "records", "fleet.jsonl"), { force: true });
  return figureOf("flip of 20 services", taken[ours.stack] ?? [], taken[theirs.stack] ?? [], 1.25);
}

interface Made {
  readonly Config: { readonly Env: string[]; readonly Cmd: string[]; readonly Healthcheck: object };
  readonly HostConfig: { readonly Memory: number };
}

/**
 * A service on a swarm of the same engine, made of what our stack made its own of: image by digest, variables, command
 * and health check. How it rolls back is left as Docker has it.
 */
async function reference(docker: Docker, stackFile: string): Promise<string> {
  await docker.swarmInit({ ListenAddr: `127.0.0.1:${await freePort()}`, AdvertiseAddr: "127.0.0.1" });
  const filters = { label: ["rewind.entry=services/api"] };
  const [running] = await docker.listContainers({ filters });
  const { Config, HostConfig } = (await docker.getContainer(running?.Id ?? "").inspect()) as unknown as Made;
  const document = parseDocument(readFileSync(stackFile, "utf8"));
  const registry = String(document.getIn(["config", "rewind:environment", "registry"]));
  const service = (release: string) => {
    const image = String(document.getIn(["config", "rewind:releases", release, "services", "api", "image"]));
    return {
      Name: "reference",
      TaskTemplate: {
        ContainerSpec: {
          Image: `${registry}/${image.replace(/:[^:@/]+@/, "@")}`,
          Args: Config.Cmd,
          Env: Config.Env,
          Healthcheck: Config.Healthcheck,
          Hosts: ["host-gateway host.docker.internal"],
          Init: true,
        },
        Resources: { Limits: { MemoryBytes: HostConfig.Memory } },
      },
      Mode: { Replicated: { Replicas: 1 } },
      EndpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 8080, PublishMode: "host" }] },
    };
  };
  // The client's types know less than the client.
  const swarm = docker as unknown as { createService(auth: object, options: object): Promise<Docker.Service> };
  const { id } = await swarm.createService({}, service("v1.2.0"));
  await settled(docker, id);
  const { Version } = (await docker.getService(id).inspect()) as { Version: { Index: number } };
  const made = docker.getService(id) as unknown as { update(auth: object, options: object): Promise<unknown> };
  await made.update({}, { ...service("v1.2.1"), version: Version.Index });
  await settled(docker, id);
  return "reference";
}

/** Waits until the one task runs and no update is under way. */
async function settled(docker: Docker, id: string): Promise<void> {
  for (let look = 0; look < 600; look += 1) {
    const { UpdateStatus } = (await docker.getService(id).inspect()) as { UpdateStatus?: { State?: string } };
    const filters = { service: [id], "desired-state": ["running"] };
    const tasks = (await docker.listTasks({ filters })) as { Status: { State: string } }[];
    const still = UpdateStatus?.State === undefined || UpdateStatus.State === "completed";
    if (still && tasks.length === 1 && tasks[0]?.Status.State === "running") return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("the reference service did not come up");
}

/** The whole release (images, rows, policies, verified) against one service that Docker rolls back by itself. */
async function releaseFigure(docker: Docker, stackFile: string, env: NodeJS.ProcessEnv): Promise<Figure> {
  const ours: Target = { cwd: checkout, stack: "bench", file: stackFile };
  flip(ours, "v1.2.1");
  await pulumi(ours, env, ...applying);
  const taken: Record<"ours" | "theirs", number[]> = { ours: [], theirs: [] };
  try {
    const service = await reference(docker, stackFile);
    const turns = {
      ours: async (round: number) => {
        flip(ours, round % 2 === 0 ? "v1.2.0" : "v1.2.1");
        taken.ours.push(await pulumi(ours, env, ...applying));
      },
      theirs: async () => {
        taken.theirs.push(await time("docker", ["service", "rollback", "--quiet", service], checkout, env));
      },
    };
    for (let round = 0; round < runs; round += 1) {
      for (const turn of round % 2 === 0 ? (["ours", "theirs"] as const) : (["theirs", "ours"] as const)) {
        await turns[turn](round);
      }
    }
    await docker.getService(service).remove();
  } finally {
    await docker.swarmLeave({ force: true }).catch(() => undefined);
  }
  await pulumi(ours, env, "destroy", "--yes", "--skip-preview");
  return figureOf("flip of a whole release, against docker service rollback", taken.ours, taken.theirs, 1);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Prints the figures of services: a whole release against Docker's own rollback, and twenty services. */
export async function serviceFigures(): Promise<void> {
  const { docker, env, stackFile } = await openBench();
  try {
    if (spawnSync("docker", ["version"], { env }).status === 0) print(await releaseFigure(docker, stackFile, env));
    else process.stderr.write("no docker on the PATH: docker service rollback is not measured\n");
    print(await fleetFigure(stackFile, env));
  } finally {
    await closeBench();
  }
}
