import * as fs from "node:fs";
import { BlockList } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { runningDaemon, startDaemon, stopDaemon } from "../daemon";
import { askDocker, dockerVersion } from "../docker-api";
import { startOf } from "../identity";
import { unmountBelow } from "../mounts";
import { type Context, folderOf } from "../part";
import { run } from "../run";
import { chooseSubnet, type Subnet, takenRanges } from "../subnet";

/** An engine of our own, as it can be started again. */
export interface PrivateEngine {
  readonly dockerd: string;
  readonly subnet: Subnet;
}

type Clone = Pick<Context, "id" | "folder">;

/** A socket's path may have 107 bytes; containerd's own sockets below the run folder need 40 of them. */
const longestRunFolder = 107 - 40;

function runFolder(context: Clone): string {
  const own = path.join(context.folder, "docker", "run");
  return own.length <= longestRunFolder ? own : path.join(os.tmpdir(), `rewind-${context.id}`);
}

/** Where the engine of our own listens. */
export function socketOf(context: Clone): string {
  return path.join(runFolder(context), "docker.sock");
}

/** A device's name has 15 letters at most. */
function bridgeOf(context: Clone): string {
  return `rwd${context.id}`;
}

/**
 * Makes the engine's bridge with its address, or takes the one that is there. Ours and not Docker's, so that the
 * address is known, and can be listened on, before the engine has started.
 */
export async function bringUpBridge(
  context: Context,
  dockerd: string,
  before: PrivateEngine | undefined,
): Promise<PrivateEngine> {
  if (context.machine.find("ip") === undefined) {
    const offer = await context.machine.install("ip", ["iproute2"]);
    if ("lacks" in offer) throw new Error(`a bridge for Docker needs the program ip, and ${offer.lacks}`);
  }
  const subnet = before?.subnet ?? chooseSubnet(context.id, takenRanges());
  const bridge = bridgeOf(context);
  if (!fs.existsSync(`/sys/class/net/${bridge}`)) {
    await run("ip", ["link", "add", "name", bridge, "type", "bridge"], { signal: context.signal });
  }
  await run("ip", ["address", "replace", `${subnet.gateway}/24`, "dev", bridge]);
  await run("ip", ["link", "set", bridge, "up"]);
  return { dockerd, subnet };
}

/**
 * Starts the engine and returns its DOCKER_HOST when it answers. Nothing of the host's is touched: no packet filter
 * rules (published ports go through Docker's proxy), no forwarding, no socket or data folder of another engine.
 */
export async function startPrivate(context: Clone, engine: PrivateEngine, signal?: AbortSignal): Promise<string> {
  const folder = folderOf(context, "docker");
  const running = runFolder(context);
  fs.mkdirSync(running, { recursive: true, mode: 0o700 });
  const { uid, mode } = fs.statSync(running);
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) throw new Error(`${running} belongs to somebody else`);
  const host = `unix://${socketOf(context)}`;
  const args = [
    ...["--host", host],
    ...["--data-root", path.join(folder, "data")],
    ...["--exec-root", running],
    ...["--pidfile", path.join(folder, "dockerd.pid")],
    ...["--bridge", bridgeOf(context)],
    ...["--default-address-pool", `base=${engine.subnet.pool},size=26`],
    // A containerd of the system's, if there is one, is shared; its namespaces keep clones apart there.
    ...["--containerd-namespace", `rewind-${context.id}`],
    ...["--containerd-plugins-namespace", `rewind-${context.id}-plugins`],
    ...["--iptables=false", "--ip6tables=false", "--ip-forward=false"],
  ];
  // A configuration of the system's engine would contradict these flags, and dockerd refuses that.
  const config = path.join(folder, "daemon.json");
  fs.writeFileSync(config, "{}\n");
  endOrphans(context);
  forgetTheDead(path.join(folder, "dockerd.pid"));
  forgetTheDead(path.join(running, "containerd", "containerd.pid"));
  await startDaemon({
    folder,
    command: engine.dockerd,
    args: [...args, "--config-file", config],
    // Its helpers (containerd, runc, docker-proxy) are looked up on the PATH.
    env: { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`, DOCKER_HOST: "" },
    ready: async () => fs.existsSync(socketOf(context)) && (await dockerVersion(host)) !== undefined,
    within: 60_000,
    ...(signal === undefined ? {} : { signal }),
  });
  return host;
}

/** Stops the engine with its containers, and removes the devices that it and we made. The data stays. */
export async function stopPrivate(context: Clone, engine: PrivateEngine): Promise<void> {
  const folder = folderOf(context, "docker");
  const known = runningDaemon(folder) === undefined ? [] : await networkDevices(`unix://${socketOf(context)}`);
  await stopDaemon(folder, "SIGTERM", 30_000);
  endOrphans(context);
  for (const device of new Set([...known, ...devicesWithin(engine.subnet), bridgeOf(context)])) {
    if (fs.existsSync(`/sys/class/net/${device}`)) await run("ip", ["link", "delete", device]);
  }
  for (const left of [folder, runFolder(context)]) await unmountBelow(left);
  fs.rmSync(runFolder(context), { recursive: true, force: true });
}

/** Removes a pid file that an engine that was killed left behind: dockerd takes a zombie, too, for a running process. */
function forgetTheDead(pidFile: string): void {
  if (fs.existsSync(pidFile) && startOf(Number(fs.readFileSync(pidFile, "utf8"))) === undefined) fs.rmSync(pidFile);
}

/**
 * Ends the containers of an engine that was killed rather than stopped. Found running, the next engine would end them
 * as if somebody had asked for it and not bring them back. Known by the clone's own namespace on their command line.
 */
function endOrphans(context: Clone): void {
  const processes = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const keepers = processes.filter((pid) => {
    const [program = "", ...args] = (readProc(pid, "cmdline") ?? "").split("\0");
    return path.basename(program).startsWith("containerd-shim") && args.includes(`rewind-${context.id}`);
  });
  const kept = processes.filter((pid) => keepers.includes(parentOf(readProc(pid, "stat") ?? "")));
  for (const pid of [...kept, ...keepers]) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It ended by itself in the meantime.
    }
  }
}

function readProc(pid: string, file: string): string | undefined {
  try {
    return fs.readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}

/** The parent's id: the second field after the name, which is in brackets and may hold anything. */
function parentOf(stat: string): string {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? "";
}

/** The bridges that the engine made for networks that users defined. It leaves them behind when it ends. */
async function networkDevices(host: string): Promise<string[]> {
  try {
    const networks = (await askDocker(host, "/networks")) as {
      Id: string;
      Driver: string;
      Options?: Record<string, string>;
    }[];
    return networks
      .filter(
        ({ Driver, Options }) =>
          Driver === "bridge" && Options?.["com.docker.network.bridge.default_bridge"] !== "true",
      )
      .map(({ Id, Options }) => Options?.["com.docker.network.bridge.name"] ?? `br-${Id.slice(0, 12)}`);
  } catch {
    return [];
  }
}

/** The devices with an address of the pool: what an engine left behind that cannot be asked any more. */
function devicesWithin({ pool }: Subnet): string[] {
  const block = new BlockList();
  const [network = "", prefix] = pool.split("/");
  block.addSubnet(network, Number(prefix));
  return Object.entries(os.networkInterfaces())
    .filter(([, addresses]) => addresses?.some(({ family, address }) => family === "IPv4" && block.check(address)))
    .map(([device]) => device);
}
