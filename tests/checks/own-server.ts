import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { freePort } from "../free-port";

/** A PostgreSQL of a test's own, in a folder of its own, which lets everybody on this machine in as `postgres`. */
export interface OwnServer {
  readonly port: number;
  stop(): Promise<void>;
}

const debian = "/usr/lib/postgresql";

/** The folder of the newest server that is installed; undefined where none is. */
function programs(): string | undefined {
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(debian, version, "bin")).find((bin) => existsSync(join(bin, "postgres")));
}

/** Starts a server; undefined where none is installed. A server refuses to run as root: then it runs as `postgres`. */
export async function startServer(): Promise<OwnServer | undefined> {
  const bin = programs();
  if (bin === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "rewind-own-server-"));
  const idOf = (what: string) => Number(execFileSync("id", [what, "postgres"], { encoding: "utf8" }));
  const as = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
  if (as.uid !== undefined) chownSync(folder, as.uid, as.gid);
  const data = join(folder, "data");
  const env = { PATH: process.env.PATH, LC_ALL: "C" };
  const how = { ...as, env, cwd: folder, stdio: "ignore" } as const;
  const wishes = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-sync"];
  execFileSync(join(bin, "initdb"), ["-D", data, ...wishes], how);
  const port = await freePort();
  const settings = { listen_addresses: "127.0.0.1", unix_socket_directories: "", fsync: "off" };
  const given = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = spawn(join(bin, "postgres"), ["-D", data, "-p", String(port), ...given], how);
  const stop = async (): Promise<void> => {
    await ended(server);
    rmSync(folder, { recursive: true, force: true });
  };
  for (const deadline = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (await answers(port)) return { port, stop };
    if (server.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error("the server does not answer");
    }
  }
}

async function answers(port: number): Promise<boolean> {
  const client = new Client({ host: "127.0.0.1", port, user: "postgres" });
  client.on("error", () => undefined);
  return client.connect().then(
    () => client.end().then(() => true),
    () => false,
  );
}

/** Ends a server at once, its sessions too. */
function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    server.once("exit", () => {
      resolve();
    });
    server.kill("SIGINT");
  });
}
