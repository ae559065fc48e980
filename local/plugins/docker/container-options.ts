import type Docker from "dockerode";
import { textOf, isBag, isEmpty, UNKNOWN, type Bag, type Value } from "../schema";
import { labelMap, nanoseconds, texts, words } from "./forms";

/** Inputs that the vendor's plugin knows and this stack does not use; taking them silently would be a lie. */
const unsupported = [
  "attach",
  "deviceReadBps",
  "deviceReadIops",
  "deviceRequests",
  "deviceWriteBps",
  "deviceWriteIops",
];
const unsupportedToo = ["devices", "gpus", "logs", "mounts", "uploads"];

/** The engine's request for the planned container; what the platform decides is left out. */
export function containerOptions(planned: Bag): Docker.ContainerCreateOptions {
  const asked = known(planned);
  for (const key of [...unsupported, ...unsupportedToo]) {
    if (!isEmpty(asked[key]))
      throw new Error(`container ${textOf(asked.name)}: ${key} is not for the local docker plugin`);
  }
  const volumes = volumesOf(asked);
  const capabilities = isBag(asked.capabilities) ? asked.capabilities : {};
  const host: Record<string, unknown> = {
    ...resourcesOf(asked),
    AutoRemove: asked.rm === true,
    Binds: volumes.binds,
    CapAdd: words(capabilities.adds),
    CapDrop: words(capabilities.drops),
    Dns: words(asked.dns),
    DnsOptions: words(asked.dnsOpts),
    DnsSearch: words(asked.dnsSearches),
    ExtraHosts: elements(asked.hosts).map(({ host: name, ip }) => `${textOf(name)}:${textOf(ip)}`),
    GroupAdd: words(asked.groupAdds),
    LogConfig: { Type: asked.logDriver ?? "", Config: texts(asked.logOpts) },
    NetworkMode: asked.networkMode,
    PortBindings: portBindings(asked),
    Privileged: asked.privileged === true,
    PublishAllPorts: asked.publishAllPorts === true,
    ReadonlyRootfs: asked.readOnly === true,
    RestartPolicy: restartOf(asked),
    SecurityOpt: words(asked.securityOpts),
    StorageOpt: texts(asked.storageOpts),
    Sysctls: texts(asked.sysctls),
    Tmpfs: texts(asked.tmpfs),
    Ulimits: elements(asked.ulimits).map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    VolumesFrom: volumes.from,
    ...present(asked, {
      cgroupParent: "CgroupParent",
      cgroupnsMode: "CgroupnsMode",
      init: "Init",
      ipcMode: "IpcMode",
      pidMode: "PidMode",
      runtime: "Runtime",
      usernsMode: "UsernsMode",
    }),
    ...(asked.shmSize ? { ShmSize: megabytes(asked.shmSize) } : {}),
  };
  return {
    name: textOf(asked.name),
    Image: textOf(asked.image),
    Env: words(asked.envs),
    ExposedPorts: Object.fromEntries(Object.keys(portBindings(asked)).map((port) => [port, {}])),
    Labels: labelMap(asked.labels),
    OpenStdin: asked.stdinOpen === true,
    Tty: asked.tty === true,
    Volumes: Object.fromEntries(volumes.anonymous.map((path) => [path, {}])),
    ...present(asked, {
      domainname: "Domainname",
      hostname: "Hostname",
      platform: "platform",
      stopSignal: "StopSignal",
      stopTimeout: "StopTimeout",
      user: "User",
      workingDir: "WorkingDir",
    }),
    ...(Array.isArray(asked.command) ? { Cmd: words(asked.command) } : {}),
    ...(Array.isArray(asked.entrypoints) ? { Entrypoint: words(asked.entrypoints) } : {}),
    ...(isBag(asked.healthcheck) ? { Healthcheck: healthcheckOf(asked.healthcheck) } : {}),
    HostConfig: host,
  };
}

/** Limits and restart policy, which the engine can change while the container runs. */
export function updateOptions(planned: Bag): Record<string, unknown> {
  return { ...resourcesOf(known(planned)), RestartPolicy: restartOf(planned) };
}

/** One endpoint per network that the container joins by name. */
export function endpointsOf(planned: Bag): { network: string; config: Docker.EndpointSettings }[] {
  return elements(planned.networksAdvanced).map((endpoint) => ({
    network: textOf(endpoint.name),
    config: {
      Aliases: words(endpoint.aliases),
      IPAMConfig: {
        ...(endpoint.ipv4Address ? { IPv4Address: endpoint.ipv4Address } : {}),
        ...(endpoint.ipv6Address ? { IPv6Address: endpoint.ipv6Address } : {}),
        ...(isEmpty(endpoint.linkLocalIps) ? {} : { LinkLocalIPs: words(endpoint.linkLocalIps) }),
      },
      ...(endpoint.macAddress ? { MacAddress: endpoint.macAddress } : {}),
      ...(isEmpty(endpoint.gwPriority) ? {} : { GwPriority: endpoint.gwPriority }),
    } as unknown as Docker.EndpointSettings,
  }));
}

function known(planned: Bag): Bag {
  return Object.fromEntries(Object.entries(planned).filter(([, value]) => value !== UNKNOWN && value !== null));
}

function elements(value: Value | undefined): Bag[] {
  return (Array.isArray(value) ? value : []).filter(isBag);
}

function present(asked: Bag, names: Readonly<Record<string, string>>): Record<string, unknown> {
  const given = Object.entries(names).filter(([key]) => asked[key] !== undefined && asked[key] !== "");
  return Object.fromEntries(given.map(([key, name]) => [name, asked[key]]));
}

function megabytes(value: Value | undefined): number {
  const amount = Number(value ?? 0);
  return amount > 0 ? amount * 1024 * 1024 : amount;
}

function resourcesOf(asked: Bag): Record<string, unknown> {
  return {
    Memory: megabytes(asked.memory),
    MemoryReservation: megabytes(asked.memoryReservation),
    MemorySwap: megabytes(asked.memorySwap),
    CpuShares: Number(asked.cpuShares ?? 0),
    CpusetCpus: textOf(asked.cpuSet ?? ""),
    ...(asked.cpuPeriod ? { CpuPeriod: asked.cpuPeriod } : {}),
    ...(asked.cpuQuota ? { CpuQuota: asked.cpuQuota } : {}),
    ...(asked.cpus ? { NanoCpus: Math.round(Number(asked.cpus) * 1e9) } : {}),
  };
}

function restartOf(asked: Bag): { Name: string; MaximumRetryCount: number } {
  return { Name: textOf(asked.restart), MaximumRetryCount: Number(asked.maxRetryCount ?? 0) };
}

function portBindings(asked: Bag): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { internal, external, ip, protocol } of elements(asked.ports)) {
    // Without a port of its own the engine picks one.
    const port = typeof external === "number" && external > 0 ? String(external) : "";
    (bindings[`${textOf(internal)}/${textOf(protocol)}`] ??= []).push({ HostIp: textOf(ip), HostPort: port });
  }
  return bindings;
}

function volumesOf(asked: Bag): { binds: string[]; from: string[]; anonymous: string[] } {
  const volumes = { binds: [] as string[], from: [] as string[], anonymous: [] as string[] };
  for (const volume of elements(asked.volumes)) {
    const source = textOf(volume.hostPath || volume.volumeName || "");
    const target = textOf(volume.containerPath ?? "");
    if (volume.fromContainer) volumes.from.push(textOf(volume.fromContainer));
    else if (target === "") throw new Error(`container ${textOf(asked.name)}: a volume without containerPath`);
    else if (source === "") volumes.anonymous.push(target);
    else {
      const relabel = volume.selinuxRelabel ? `,${textOf(volume.selinuxRelabel)}` : "";
      volumes.binds.push(`${source}:${target}:${volume.readOnly === true ? "ro" : "rw"}${relabel}`);
    }
  }
  return volumes;
}

function healthcheckOf(asked: Bag): Docker.HealthConfig {
  const time = (key: string): number => nanoseconds(textOf(asked[key] ?? "0s"));
  return {
    Test: words(asked.tests),
    Interval: time("interval"),
    Timeout: time("timeout"),
    StartPeriod: time("startPeriod"),
    StartInterval: time("startInterval"),
    Retries: Number(asked.retries ?? 0),
  };
}
