import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { isMap, parseDocument, type YAMLMap } from "yaml";
import { fixtureFor, type Fixture, type Ran } from "./fixture";
import { freePort } from "../free-port";

/** What the engine tells about a task of a service. */
interface Task {
  readonly Spec: { readonly ContainerSpec: { readonly Image: string } };
  readonly Status: { readonly State: string };
}

/**
 * On a swarm of one node, which the test itself makes: the product takes the swarm that is there. Ports in host mode,
 * because a kernel without IPVS has no ingress; replicas therefore share no port, and each task gets one of its own.
 */
describe("services on a swarm", function () {
  let stack: Fixture;
  let service: string;
  let text = "";

  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    text = readFileSync(stack.stackFile, "utf8");
    service = `local-${stack.environment.id}-api`;
    edit((environment, config) => {
      environment.set("runtime", { services: "swarm" });
      environment.set("swarm", { ports: "host", monitor: "2s", parallelism: 2, patience: "4m" });
      environment.setIn(["services", "api", "replicas"], 2);
      // Patient: what is proved here is not speed.
      environment.setIn(["services", "api", "healthcheck", "timeout"], "20s");
      // A swarm waits for its own question, which it asks when an interval is over.
      environment.setIn(["services", "api", "healthcheck", "interval"], "2s");
      // The functions are containers wherever services run, and other tests have them.
      environment.delete("functions");
      // Routes lead to containers of a single host; a swarm has its own ports.
      environment.delete("routes");
      for (const release of ["v1.2.0", "v1.2.1", "v1.2.2"]) config.deleteIn(["rewind:releases", release, "functions"]);
      for (const check of ["token-gating", "session", "function-errors"])
        config.deleteIn(["rewind:verification", "checks", check]);
    });
  });
  after(async function () {
    if (text === "") return;
    const { code, output } = await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
    writeFileSync(stack.stackFile, text);
    await stack.docker.swarmLeave({ force: true }).catch(() => undefined);
    assert.equal(code, 0, output);
  });

  const edit = (change: (environment: YAMLMap, config: YAMLMap) => void): void => {
    const document = parseDocument(readFileSync(stack.stackFile, "utf8"));
    const config = document.get("config");
    assert.ok(isMap(config));
    const environment = config.get("rewind:environment");
    assert.ok(isMap(environment));
    change(environment, config);
    writeFileSync(stack.stackFile, document.toString({ lineWidth: 0 }));
  };
  const tryUp = (): Promise<Ran> => stack.pulumi(["up", "--yes", "--skip-preview"]);
  const tasks = async (): Promise<Task[]> =>
    (await stack.docker.listTasks({ filters: { service: [service], "desired-state": ["running"] } })) as Task[];
  /** The digest that the stack file pins for the service in a release. */
  const digestIn = (release: string): string => {
    const image = parseDocument(text).getIn(["config", "rewind:releases", release, "services", "api", "image"]);
    return /sha256:[0-9a-f]{64}/.exec(String(image))![0];
  };
  const assertRuns = async (release: string): Promise<void> => {
    const running = await tasks();
    assert.equal(running.length, 2);
    for (const { Spec, Status } of running) {
      assert.equal(Status.State, "running");
      assert.ok(Spec.ContainerSpec.Image.endsWith(`@${digestIn(release)}`), Spec.ContainerSpec.Image);
    }
  };

  it("is refused before the first change where the engine manages no swarm, and makes none", async () => {
    const { code, output } = await tryUp();
    assert.notEqual(code, 0);
    assert.match(output, /Refused before the first change[\s\S]*swarm: the engine manages no swarm \(inactive\)/);
    const { Swarm } = (await stack.docker.info()) as { Swarm: { LocalNodeState: string } };
    assert.equal(Swarm.LocalNodeState, "inactive");
  });

  it("W3 · runs the pinned digest on every replica, verified through its published port", async () => {
    await stack.docker.swarmInit({ ListenAddr: `127.0.0.1:${await freePort()}`, AdvertiseAddr: "127.0.0.1" });
    await stack.up();
    await assertRuns("v1.2.1");
    const { code, output } = await stack.pulumi(["preview", "--expect-no-changes"]);
    assert.equal(code, 0, output);
  });

  it("W3 · flips to the earlier release and back, the same services, new tasks first", async () => {
    const { ID: before } = (await stack.docker.getService(service).inspect()) as { ID: string };
    for (const release of ["v1.2.0", "v1.2.1"]) {
      stack.pin(release);
      await stack.up();
      await assertRuns(release);
    }
    const found = (await stack.docker.getService(service).inspect()) as {
      ID: string;
      Spec: { UpdateConfig: { Order: string; FailureAction: string } };
    };
    assert.equal(found.ID, before);
    assert.equal(found.Spec.UpdateConfig.Order, "start-first");
    assert.equal(found.Spec.UpdateConfig.FailureAction, "rollback");
  });

  it("is found when somebody changed a variable of the service at the engine, and put back after a refresh", async () => {
    const swarmService = stack.docker.getService(service);
    const { Spec, Version } = (await swarmService.inspect()) as {
      Spec: { TaskTemplate: { ContainerSpec: { Env: string[] } } };
      Version: { Index: number };
    };
    const Env = [...Spec.TaskTemplate.ContainerSpec.Env, "DEBUG=1"];
    const TaskTemplate = { ...Spec.TaskTemplate, ContainerSpec: { ...Spec.TaskTemplate.ContainerSpec, Env } };
    await swarmService.update({ ...Spec, TaskTemplate, version: Version.Index });
    const drifted = await stack.rewind("diff", "--live");
    assert.equal(drifted.code, 14, drifted.output);
    assert.match(drifted.output, /variables services\/api.*DEBUG was not applied/);
    const { code, output } = await stack.pulumi(["up", "--yes", "--skip-preview", "--refresh"]);
    assert.equal(code, 0, output);
    assert.equal((await stack.rewind("diff", "--live")).code, 0);
  });

  it("W3 · a version that never is healthy is taken back by the swarm, and the update fails", async () => {
    const good = readFileSync(stack.stackFile, "utf8");
    edit((environment) => {
      environment.setIn(["services", "api", "healthcheck"], {
        command: ["/bin/node", "-e", "process.exit(1)"],
        retries: 1,
        timeout: "20s",
      });
    });
    stack.pin("v1.2.0");
    const { code, output } = await tryUp();
    assert.notEqual(code, 0, output);
    assert.match(output, /service rollback completed/);
    await assertRuns("v1.2.1");
    writeFileSync(stack.stackFile, good);
    await stack.up();
    await assertRuns("v1.2.1");
  });

  it("keeps the secrets of a service out of everything that is shown", async () => {
    const { output } = await stack.pulumi(["preview", "--diff"]);
    const { stdout } = await stack.pulumi(["stack", "export"]);
    for (const secret of await stack.secrets()) {
      assert.ok(!output.includes(secret));
      assert.ok(!stdout.includes(secret));
    }
  });
});
