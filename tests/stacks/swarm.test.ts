import assert from "node:assert/strict";
import { digestOf } from "../../release/canonical";
import { valueOfSecret, type StackFile } from "../release/stack-files";
import { declareStack, resourceOf, type DeclaredStack } from "./declared";

interface Task {
  readonly containerSpec: { readonly image: string; readonly env: Readonly<Record<string, unknown>> };
  readonly resources: unknown;
  readonly restartPolicy: unknown;
  readonly networksAdvanceds?: unknown;
}

/** The task within the form in which the SDK hands a secret to the engine; the test fails when it is none. */
function taskOf(wrapped: unknown): Task {
  const { value, ...mark } = wrapped as { value: Task };
  assert.deepEqual(mark, { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" });
  return value;
}

/** The example, its services on a swarm. */
const onSwarm =
  (swarm: Record<string, unknown> = {}, service: Record<string, unknown> = {}) =>
  (config: StackFile): void => {
    const environment = structuredClone(config["rewind:environment"]) as Record<string, unknown> & {
      services: { api: Record<string, unknown> };
    };
    environment.runtime = { services: "swarm" };
    environment.swarm = swarm;
    delete environment.routes;
    Object.assign(environment.services.api, service);
    config["rewind:environment"] = environment;
  };

describe("services on a swarm, on the engine's mocks", () => {
  const type = "docker:index/service:Service";
  let stack: DeclaredStack;
  before(async () => {
    stack = await declareStack("local", onSwarm({}, { replicas: 3, publish: 8443 }));
  });

  it("W3 · declares a service by digest that starts the new version first and goes back by itself", () => {
    const { inputs } = resourceOf(stack, type, "api");
    const { environment, pinned } = stack.settings;
    const pin = pinned.facets.services.api!;
    const labels = [
      { label: "rewind.stack", value: environment.name },
      { label: "rewind.entry", value: "services/api" },
      { label: "rewind.release", value: pinned.release },
      { label: "rewind.digest", value: digestOf(pin) },
    ];
    const policy = {
      order: "start-first",
      parallelism: 1,
      delay: "0s",
      monitor: "5s",
      maxFailureRatio: "0.0",
    };
    const { taskSpec, ...around } = inputs;
    assert.deepEqual(around, {
      name: `${environment.name}-api`,
      labels,
      mode: { replicated: { replicas: 3 } },
      endpointSpec: { ports: [{ targetPort: 8080, publishMode: "ingress", publishedPort: 8443 }] },
      updateConfig: { ...policy, failureAction: "rollback" },
      rollbackConfig: { ...policy, failureAction: "pause" },
      convergeConfig: { delay: "500ms", timeout: "3m0s" },
    });
    const { containerSpec, ...task } = taskOf(taskSpec);
    assert.deepEqual(task, {
      resources: { limits: { memoryBytes: 256 * 1024 * 1024 } },
      // The window as the engine reads it back: left out, it would be a change for ever.
      restartPolicy: { condition: "any", delay: "1s", window: "0s" },
    });
    const { image, env, ...rest } = containerSpec;
    assert.equal(image, `${environment.registry}/${pin.image}`);
    assert.equal(env.REWIND_RELEASE, pinned.release);
    // No labels: one that changes would make the vendor's plugin delete the service first.
    assert.deepEqual(rest, {
      hosts: [{ host: "host.docker.internal", ip: "host-gateway" }],
      args: ["api"],
      init: true,
      stopGracePeriod: "10s",
      capDrops: ["ALL"],
      sysctl: {},
      healthcheck: {
        tests: ["CMD", "/bin/node", "/app/main.js", "healthcheck"],
        interval: "10s",
        timeout: "2s",
        startPeriod: "1s",
        retries: 10,
      },
    });
  });

  it("hands a task over as a secret, because its variables hold some", () => {
    const { taskSpec, ...around } = resourceOf(stack, type, "api").inputs;
    assert.equal(taskOf(taskSpec).containerSpec.env.API_TOKEN, valueOfSecret("api-token"));
    assert.ok(!JSON.stringify(around).includes("value of "));
  });

  it("leaves the functions on the engine as containers, and declares no container for a service", () => {
    const names = [...stack.resources.keys()];
    assert.ok(!names.includes("docker:index/container:Container api"));
    assert.ok(names.includes("docker:index/container:Container score_prism"));
  });

  it("takes ports in host mode, patience and failure action from the environment", async () => {
    const other = await declareStack(
      "local",
      onSwarm({
        ports: "host",
        failureAction: "pause",
        monitor: "1m",
        parallelism: 2,
        patience: "90s",
        network: "apps",
      }),
    );
    const { inputs } = resourceOf(other, type, "api");
    assert.deepEqual(inputs.endpointSpec, { ports: [{ targetPort: 8080, publishMode: "host" }] });
    const { failureAction, monitor, parallelism } = inputs.updateConfig as Record<string, unknown>;
    assert.deepEqual([failureAction, monitor, parallelism], ["pause", "1m0s", 2]);
    assert.deepEqual(inputs.convergeConfig, { delay: "500ms", timeout: "1m30s" });
    assert.deepEqual(taskOf(inputs.taskSpec).networksAdvanceds, [{ name: "apps", aliases: ["api"] }]);
  });

  it("refuses a fixed port in host mode, which the old task has while the new one starts", async () => {
    await assert.rejects(
      declareStack("local", onSwarm({ ports: "host" }, { publish: 8443 })),
      /services\.api\.publish: in host mode/,
    );
  });
});
