import type Docker from "dockerode";
import { isBag, isEmpty, UNKNOWN, type Bag, type Value } from "../schema";
import { durationText, texts } from "./forms";

/**
 * The state of an inspected container. What the engine does not tell, or tells mixed with what the image says
 * (environment, labels), stays as planned; upstream does the same.
 */
export function containerState(found: Docker.ContainerInspectInfo, planned: Bag): Bag {
  const config = found.Config as Omit<typeof found.Config, "Cmd"> &
    Partial<{ Cmd: string[] | null; StopSignal: string; StopTimeout: number }>;
  const host = found.HostConfig as Docker.HostConfig & { CpusetCpus?: string };
  const capabilities = planned.capabilities;
  return {
    ...Object.fromEntries(Object.entries(planned).filter(([, value]) => value !== UNKNOWN)),
    bridge: (found.NetworkSettings as { Bridge?: string }).Bridge ?? "",
    capabilities: isBag(capabilities) ? capabilities : null,
    command: config.Cmd ?? [],
    containerLogs: null,
    cpuSet: host.CpusetCpus ?? "",
    cpuShares: host.CpuShares ?? 0,
    dns: filled(host.Dns),
    dnsOpts: filled(host.DnsOptions),
    dnsSearches: filled(host.DnsSearch),
    domainname: config.Domainname,
    entrypoints: typeof config.Entrypoint === "string" ? [config.Entrypoint] : (config.Entrypoint ?? []),
    exitCode: found.State.Running ? null : found.State.ExitCode,
    groupAdds: filled(host.GroupAdd),
    healthcheck: healthcheckState(config.Healthcheck) ?? null,
    hostname: config.Hostname,
    hosts: hostList(host.ExtraHosts as string[] | null | undefined),
    image: found.Image,
    init: host.Init ?? false,
    ipcMode: host.IpcMode ?? "",
    logDriver: host.LogConfig?.Type ?? "",
    logOpts: mapOrNull(host.LogConfig?.Config),
    maxRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    memory: megabytes(host.Memory),
    memorySwap: megabytes(host.MemorySwap),
    name: found.Name.replace(/^\/+/, ""),
    networkDatas: networkList(found.NetworkSettings.Networks),
    networkMode: host.NetworkMode ?? "",
    pidMode: host.PidMode || null,
    platform: found.Platform,
    ports: portList(found.NetworkSettings.Ports, planned.ports),
    privileged: host.Privileged ?? false,
    publishAllPorts: host.PublishAllPorts ?? false,
    readOnly: host.ReadonlyRootfs ?? false,
    restart: host.RestartPolicy?.Name || "no",
    rm: host.AutoRemove ?? false,
    runtime: host.Runtime ?? "",
    securityOpts: (host.SecurityOpt as string[] | null | undefined) ?? [],
    shmSize: megabytes(host.ShmSize),
    stdinOpen: config.OpenStdin,
    stopSignal: config.StopSignal ?? "",
    stopTimeout: config.StopTimeout ?? null,
    sysctls: mapOrNull(host.Sysctls),
    tmpfs: mapOrNull(host.Tmpfs),
    tty: config.Tty,
    ulimits: ulimitList(host.Ulimits),
    user: config.User,
    usernsMode: host.UsernsMode ?? "",
    workingDir: config.WorkingDir,
  };
}

function filled(list: string[] | null | undefined): Value {
  return list && list.length > 0 ? list : null;
}

function mapOrNull(map: unknown): Value {
  const bag = texts(map);
  return isEmpty(bag) ? null : bag;
}

function megabytes(bytes: number | undefined): number {
  return bytes === undefined || bytes < 0 ? (bytes ?? 0) : Math.trunc(bytes / 1024 / 1024);
}

function healthcheckState(check: Docker.HealthConfig | undefined): Bag | undefined {
  if (check === undefined) return undefined;
  const startInterval = (check as { StartInterval?: number }).StartInterval ?? 0;
  return {
    interval: durationText(check.Interval ?? 0),
    retries: check.Retries ?? 0,
    startInterval: durationText(startInterval),
    startPeriod: durationText(check.StartPeriod ?? 0),
    tests: check.Test ?? [],
    timeout: durationText(check.Timeout ?? 0),
  };
}

function ulimitList(limits: unknown): Value[] {
  const found = (Array.isArray(limits) ? limits : []) as { Name?: string; Soft?: number; Hard?: number }[];
  return found.map(({ Name, Soft, Hard }) => ({ hard: Hard ?? 0, name: Name ?? "", soft: Soft ?? 0 }));
}

/** `name:address`, where the address may hold colons itself. */
function hostList(hosts: string[] | null | undefined): Value[] {
  return (hosts ?? []).map((entry) => {
    const colon = entry.indexOf(":");
    return { host: entry.slice(0, colon), ip: entry.slice(colon + 1) };
  });
}

function networkList(networks: Docker.ContainerInspectInfo["NetworkSettings"]["Networks"]): Value[] {
  return Object.entries(networks).map(([networkName, network]) => ({
    gateway: network.Gateway,
    globalIpv6Address: network.GlobalIPv6Address,
    globalIpv6PrefixLength: network.GlobalIPv6PrefixLen,
    ipAddress: network.IPAddress,
    ipPrefixLength: network.IPPrefixLen,
    ipv6Gateway: network.IPv6Gateway,
    macAddress: network.MacAddress,
    networkName,
  }));
}

type Ports = Docker.ContainerInspectInfo["NetworkSettings"]["Ports"];

/** Published ports in the order in which they were asked for, so that the engine's own order is not a change. */
function portList(ports: Ports, asked: Value | undefined): Value[] {
  const found: Bag[] = [];
  for (const [key, bindings] of Object.entries(ports as Record<string, Ports[string] | null>)) {
    const [internal, protocol] = key.split("/");
    for (const { HostIp, HostPort } of bindings ?? []) {
      found.push({ external: Number(HostPort), internal: Number(internal), ip: HostIp, protocol: protocol ?? "tcp" });
    }
  }
  const wanted = (Array.isArray(asked) ? asked : []).filter(isBag);
  const place = (port: Bag): number => {
    const same =
      (key: string): ((other: Bag) => boolean) =>
      (other) =>
        other[key] === port[key];
    const index = wanted.findIndex((other) => ["internal", "protocol", "ip"].every((key) => same(key)(other)));
    return index === -1 ? wanted.length : index;
  };
  // One binding to every IPv4 address comes with a second to every IPv6 address that nobody asked for.
  const kept = found.filter((port) => port.ip !== "::" || wanted.some((other) => other.ip === "::"));
  // A stopped container publishes nothing; what was asked for still stands.
  if (kept.length === 0) return wanted.map((port) => (port.external === UNKNOWN ? { ...port, external: 0 } : port));
  return kept.sort((a, b) => place(a) - place(b) || Number(a.internal) - Number(b.internal));
}
