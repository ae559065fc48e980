import { UNKNOWN, type Bag, type Value } from "../schema";
import { durationText, labelList, texts } from "./forms";

/** What the engine tells about a service, as far as it is used here. */
export interface Found {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: Spec;
  readonly PreviousSpec?: Spec;
  readonly UpdateStatus?: { readonly State: string; readonly StartedAt: string; readonly Message?: string };
}

interface Spec {
  readonly Name: string;
  readonly Labels?: Record<string, string>;
  readonly Mode: { readonly Global?: object; readonly Replicated?: { readonly Replicas: number } };
  readonly TaskTemplate: {
    readonly ContainerSpec: ContainerSpec;
    readonly ForceUpdate?: number;
    readonly Runtime?: string;
    readonly RestartPolicy?: { Condition?: string; Delay?: number; MaxAttempts?: number; Window?: number };
    readonly Placement?: {
      Constraints?: string[];
      MaxReplicas?: number;
      Platforms?: { Architecture?: string; OS?: string }[];
      Preferences?: { Spread?: { SpreadDescriptor: string } }[];
    };
    readonly Resources?: { Limits?: Amounts; Reservations?: Amounts };
  };
  readonly UpdateConfig?: Policy;
  readonly RollbackConfig?: Policy;
  readonly EndpointSpec?: { readonly Mode?: string; readonly Ports?: Port[] };
}

interface ContainerSpec {
  readonly Image: string;
  readonly Args?: string[];
  readonly CapabilityAdd?: string[];
  readonly CapabilityDrop?: string[];
  readonly Command?: string[];
  readonly Dir?: string;
  readonly Env?: string[];
  readonly Groups?: string[];
  readonly Healthcheck?: {
    Test?: string[];
    Interval?: number;
    Timeout?: number;
    StartPeriod?: number;
    Retries?: number;
  };
  readonly Hostname?: string;
  readonly Hosts?: string[];
  readonly Init?: boolean;
  readonly Isolation?: string;
  readonly Labels?: Record<string, string>;
  readonly ReadOnly?: boolean;
  readonly StopGracePeriod?: number;
  readonly StopSignal?: string;
  readonly Sysctls?: Record<string, string>;
  readonly User?: string;
}

interface Amounts {
  MemoryBytes?: number;
  NanoCPUs?: number;
}

interface Policy {
  Parallelism: number;
  Delay?: number;
  FailureAction?: string;
  Monitor?: number;
  MaxFailureRatio?: number;
  Order?: string;
}

interface Port {
  Name?: string;
  Protocol?: string;
  PublishMode?: string;
  PublishedPort?: number;
  TargetPort?: number;
}

/** The state of an inspected service; what the program alone knows (registry, patience, files) stays as planned. */
export function serviceState({ Spec }: Found, planned: Bag): Bag {
  const { TaskTemplate: task, Mode, EndpointSpec: endpoint } = Spec;
  const plannedTask = (planned.taskSpec ?? {}) as Bag;
  return {
    auth: planned.auth ?? null,
    convergeConfig: planned.convergeConfig ?? null,
    endpointSpec: {
      mode: endpoint?.Mode ?? "vip",
      ports: (endpoint?.Ports ?? []).map((port) => ({
        name: port.Name ?? "",
        protocol: port.Protocol ?? "tcp",
        publishMode: port.PublishMode ?? "ingress",
        publishedPort: port.PublishedPort ?? 0,
        targetPort: port.TargetPort ?? 0,
      })),
    },
    labels: labelList(Spec.Labels),
    mode: {
      global: Mode.Global !== undefined,
      replicated: Mode.Replicated === undefined ? null : { replicas: Mode.Replicated.Replicas },
    },
    name: Spec.Name,
    rollbackConfig: policyState(Spec.RollbackConfig, planned.rollbackConfig),
    taskSpec: {
      containerSpec: containerState(task.ContainerSpec, (plannedTask.containerSpec ?? {}) as Bag),
      forceUpdate: task.ForceUpdate ?? 0,
      logDriver: told(plannedTask.logDriver),
      networksAdvanceds: told(plannedTask.networksAdvanceds) ?? [],
      placement: {
        constraints: task.Placement?.Constraints ?? [],
        maxReplicas: task.Placement?.MaxReplicas ?? 0,
        platforms: (task.Placement?.Platforms ?? []).map(({ Architecture, OS }) => ({
          architecture: Architecture ?? "",
          os: OS ?? "",
        })),
        prefs: (task.Placement?.Preferences ?? []).map(({ Spread }) => Spread?.SpreadDescriptor ?? ""),
      },
      resources: {
        limits: amounts(task.Resources?.Limits),
        reservation: amounts(task.Resources?.Reservations),
      },
      restartPolicy: {
        condition: task.RestartPolicy?.Condition ?? "any",
        delay: textIf(task.RestartPolicy?.Delay),
        maxAttempts: task.RestartPolicy?.MaxAttempts ?? 0,
        window: textIf(task.RestartPolicy?.Window),
      },
      runtime: task.Runtime ?? "container",
    },
    updateConfig: policyState(Spec.UpdateConfig, planned.updateConfig),
  };
}

const told = (value: Value | undefined): Value => (value === undefined || value === UNKNOWN ? null : value);
const textIf = (amount: number | undefined): string => (amount === undefined ? "" : durationText(amount));

function containerState(spec: ContainerSpec, planned: Bag): Bag {
  const check = spec.Healthcheck;
  return {
    args: spec.Args ?? null,
    capAdds: spec.CapabilityAdd ?? null,
    capDrops: spec.CapabilityDrop ?? null,
    commands: spec.Command ?? null,
    configs: told(planned.configs) ?? [],
    dir: spec.Dir ?? "",
    dnsConfig: { nameservers: null, options: null, searches: null },
    env: Object.fromEntries((spec.Env ?? []).map((line) => [line.replace(/=.*/s, ""), line.replace(/^[^=]*=/, "")])),
    groups: spec.Groups ?? null,
    healthcheck: {
      interval: durationText(check?.Interval ?? 0),
      retries: check?.Retries ?? 0,
      startPeriod: durationText(check?.StartPeriod ?? 0),
      tests: check?.Test ?? [],
      timeout: durationText(check?.Timeout ?? 0),
    },
    hostname: spec.Hostname ?? "",
    hosts: (spec.Hosts ?? []).map((line) => {
      const [ip = "", host = ""] = line.split(" ");
      return { host, ip };
    }),
    image: spec.Image,
    init: spec.Init ?? false,
    isolation: spec.Isolation ?? "default",
    labels: labelList(spec.Labels),
    mounts: told(planned.mounts) ?? [],
    privileges: null,
    readOnly: spec.ReadOnly ?? false,
    secrets: told(planned.secrets) ?? [],
    stopGracePeriod: durationText(spec.StopGracePeriod ?? 0),
    stopSignal: spec.StopSignal ?? "",
    sysctl: spec.Sysctls === undefined ? null : texts(spec.Sysctls),
    user: spec.User ?? "",
  };
}

function amounts(found: Amounts | undefined): Value {
  if (found === undefined || (!found.MemoryBytes && !found.NanoCPUs)) return null;
  return { memoryBytes: found.MemoryBytes ?? 0, nanoCpus: found.NanoCPUs ?? 0 };
}

function policyState(found: Policy | undefined, planned: Value | undefined): Value {
  if (found === undefined || planned === null || planned === undefined) return null;
  const ratio = found.MaxFailureRatio ?? 0;
  return {
    delay: durationText(found.Delay ?? 0),
    failureAction: found.FailureAction ?? "pause",
    maxFailureRatio: Number.isInteger(ratio) ? ratio.toFixed(1) : String(ratio),
    monitor: durationText(found.Monitor ?? 0),
    order: found.Order ?? "stop-first",
    parallelism: found.Parallelism,
  };
}
