import type Docker from "dockerode";
import { isBag, isEmpty, textOf, UNKNOWN, type Bag, type Value } from "../schema";
import { labelMap, nanoseconds, words } from "./forms";
import type { Found } from "./service-state";

const known = (bag: Bag): Bag => Object.fromEntries(Object.entries(bag).filter(([, value]) => value !== UNKNOWN));
const part = (value: Value | undefined): Bag => (isBag(value) ? known(value) : {});
const elements = (value: Value | undefined): Bag[] => (Array.isArray(value) ? value.filter(isBag) : []);
const duration = (value: Value | undefined): number => nanoseconds(textOf(value ?? "0s"));

/** The engine's request for the planned service. What `found` has and nobody asked about stays. */
export function serviceOptions(planned: Bag, found?: Found): Docker.CreateServiceOptions {
  const task = part(planned.taskSpec);
  const mode = part(planned.mode);
  const endpoint = part(planned.endpointSpec);
  const options = {
    Name: textOf(planned.name),
    Labels: labelMap(planned.labels),
    TaskTemplate: {
      ContainerSpec: containerSpec(part(task.containerSpec)),
      ...(isBag(task.resources) ? { Resources: resourcesOf(part(task.resources)) } : {}),
      ...(isBag(task.restartPolicy) ? { RestartPolicy: restartOf(part(task.restartPolicy)) } : {}),
      ...(isBag(task.placement) ? { Placement: placementOf(part(task.placement)) } : {}),
      ...(isBag(task.logDriver)
        ? { LogDriver: { Name: textOf(task.logDriver.name), Options: part(task.logDriver.options) } }
        : {}),
      Networks: elements(task.networksAdvanceds).map(({ name, aliases }) => ({
        Target: textOf(name),
        Aliases: words(aliases),
      })),
      ForceUpdate: Number(task.forceUpdate ?? found?.Spec.TaskTemplate.ForceUpdate ?? 0),
      Runtime: textOf(task.runtime ?? "container"),
    },
    Mode:
      mode.global === true ? { Global: {} } : { Replicated: { Replicas: Number(part(mode.replicated).replicas ?? 1) } },
    ...(isBag(planned.updateConfig) ? { UpdateConfig: policyOf(planned.updateConfig) } : {}),
    ...(isBag(planned.rollbackConfig) ? { RollbackConfig: policyOf(planned.rollbackConfig) } : {}),
    EndpointSpec: {
      Mode: textOf(endpoint.mode ?? "vip"),
      Ports: elements(endpoint.ports).map((port) => ({
        Protocol: textOf(port.protocol),
        TargetPort: Number(port.targetPort),
        PublishMode: textOf(port.publishMode),
        ...(isEmpty(port.name) ? {} : { Name: textOf(port.name) }),
        ...(typeof port.publishedPort === "number" && port.publishedPort > 0
          ? { PublishedPort: port.publishedPort }
          : {}),
      })),
    },
  };
  return options as unknown as Docker.CreateServiceOptions;
}

function containerSpec(asked: Bag): Bag {
  const healthcheck = part(asked.healthcheck);
  const filled: Bag = {
    Args: words(asked.args),
    CapabilityAdd: words(asked.capAdds),
    CapabilityDrop: words(asked.capDrops),
    Command: words(asked.commands),
    Dir: textOf(asked.dir),
    Env: Object.entries(part(asked.env)).map(([name, value]) => `${name}=${textOf(value)}`),
    Groups: words(asked.groups),
    Hostname: textOf(asked.hostname),
    Hosts: elements(asked.hosts).map(({ host, ip }) => `${textOf(ip)} ${textOf(host)}`),
    Isolation: textOf(asked.isolation),
    Labels: labelMap(asked.labels),
    StopSignal: textOf(asked.stopSignal),
    Sysctls: part(asked.sysctl),
    User: textOf(asked.user),
    Mounts: elements(asked.mounts).map(({ type, source, target, readOnly }) => ({
      Type: textOf(type),
      Source: textOf(source),
      Target: textOf(target),
      ReadOnly: readOnly === true,
    })),
    Secrets: elements(asked.secrets).map((each) => ({
      SecretID: textOf(each.secretId),
      SecretName: textOf(each.secretName),
      File: fileOf(each),
    })),
    Configs: elements(asked.configs).map((each) => ({
      ConfigID: textOf(each.configId),
      ConfigName: textOf(each.configName),
      File: fileOf(each),
    })),
  };
  return {
    Image: textOf(asked.image),
    Init: asked.init === true,
    ReadOnly: asked.readOnly === true,
    ...Object.fromEntries(Object.entries(filled).filter(([, value]) => !isEmpty(value))),
    ...(isEmpty(asked.stopGracePeriod) ? {} : { StopGracePeriod: duration(asked.stopGracePeriod) }),
    ...(isEmpty(healthcheck.tests)
      ? {}
      : {
          Healthcheck: {
            Test: words(healthcheck.tests),
            Interval: duration(healthcheck.interval),
            Timeout: duration(healthcheck.timeout),
            StartPeriod: duration(healthcheck.startPeriod),
            Retries: Number(healthcheck.retries ?? 0),
          },
        }),
  };
}

function fileOf({ fileName, fileUid, fileGid, fileMode }: Bag): Bag {
  return {
    Name: textOf(fileName),
    UID: textOf(fileUid) || "0",
    GID: textOf(fileGid) || "0",
    Mode: Number(fileMode ?? 0) || 0o444,
  };
}

function resourcesOf({ limits, reservation }: Bag): Bag {
  const amounts = (bag: Bag): Bag => ({
    MemoryBytes: Number(bag.memoryBytes ?? 0),
    NanoCPUs: Number(bag.nanoCpus ?? 0),
  });
  return {
    ...(isBag(limits) ? { Limits: amounts(limits) } : {}),
    ...(isBag(reservation) ? { Reservations: amounts(reservation) } : {}),
  };
}

function restartOf({ condition, delay, maxAttempts, window }: Bag): Bag {
  return {
    Condition: textOf(condition) || "any",
    ...(isEmpty(delay) ? {} : { Delay: duration(delay) }),
    ...(isEmpty(maxAttempts) ? {} : { MaxAttempts: Number(maxAttempts) }),
    ...(isEmpty(window) ? {} : { Window: duration(window) }),
  };
}

function placementOf({ constraints, maxReplicas, platforms, prefs }: Bag): Bag {
  return {
    Constraints: words(constraints),
    MaxReplicas: Number(maxReplicas ?? 0),
    Platforms: elements(platforms).map(({ architecture, os }) => ({
      Architecture: textOf(architecture),
      OS: textOf(os),
    })),
    Preferences: words(prefs).map((spread) => ({ Spread: { SpreadDescriptor: spread } })),
  };
}

function policyOf(asked: Bag): Bag {
  return {
    Parallelism: Number(asked.parallelism),
    Delay: duration(asked.delay),
    FailureAction: textOf(asked.failureAction),
    Monitor: duration(asked.monitor),
    MaxFailureRatio: Number(asked.maxFailureRatio),
    Order: textOf(asked.order),
  };
}
