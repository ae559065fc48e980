import * as fs from "node:fs";
import { request } from "node:http";
import * as os from "node:os";
import * as path from "node:path";
import { startDaemon, stopDaemon } from "../daemon";
import { folderOf, type Part, remember, remembered } from "../part";
import { type Candidate, firstOf, type Source } from "../source";
import { writeWhole } from "../state";
import type { Context } from "../part";

/** A reverse proxy in front of the services, and the API by which its routes are moved. */
export interface Proxy {
  /** The socket of its admin API: `unix:///…/admin.sock`. */
  readonly admin: string;
  /** Where it answers, such as `http://127.0.0.1:20080`. */
  readonly url: string;
  readonly source: Source;
}

interface Settings {
  readonly port: number;
}

/** Where to look for Caddy. Its image is no candidate: inside a container it could not reach ports on loopback. */
export function candidates({ machine }: Pick<Context, "machine">): Candidate<{ readonly program: string }>[] {
  return [
    {
      source: "machine",
      find: () => {
        const program = machine.find("caddy");
        return Promise.resolve(
          program === undefined
            ? { lacks: "caddy is not on the PATH", ...(process.platform === "darwin" ? { command: brew } : {}) }
            : { found: { program } },
        );
      },
    },
    {
      source: "debian",
      find: async () => {
        const offer = await machine.install("caddy", ["caddy"]);
        return "found" in offer ? { found: { program: offer.found } } : offer;
      },
    },
  ];
}

const brew = "brew install caddy";

/** A socket's path may have 107 bytes. */
const longestSocket = 107;

/** Where its admin API listens. Whoever can write there can read and write what Caddy may, so only its owner can. */
function socketOf(context: Pick<Context, "id" | "folder">): string {
  const own = path.join(folderOf(context, "proxy"), "admin.sock");
  if (Buffer.byteLength(own) <= longestSocket) return own;
  return path.join(os.tmpdir(), `rewind-${context.id}-proxy`, "admin.sock");
}

/** The folder of the socket, made anew: in a shared folder somebody else may have made one of its name. */
function makeSocketFolder(context: Pick<Context, "id" | "folder">): string {
  const socket = socketOf(context);
  removeSocket(context);
  if (path.dirname(socket) !== folderOf(context, "proxy")) fs.mkdirSync(path.dirname(socket), { mode: 0o700 });
  return socket;
}

function removeSocket(context: Pick<Context, "id" | "folder">): void {
  const socket = socketOf(context);
  const own = path.dirname(socket) === folderOf(context, "proxy");
  fs.rmSync(own ? socket : path.dirname(socket), { recursive: true, force: true });
}

/**
 * Caddy on loopback, its admin API on a socket. Its routes come by that API and outlive it: it saves its configuration
 * whenever it moves.
 */
export const proxy: Part<Proxy> = {
  name: "proxy",
  async start(context) {
    const { source, found } = await firstOf("proxy", candidates(context), context.signal);
    const before = remembered<Settings>(context, "proxy");
    const port = await context.ports.choose(`${context.id} proxy`, ["127.0.0.1"], before.port);
    remember(context, "proxy", { port } satisfies Settings);
    const socket = makeSocketFolder(context);
    const running: Proxy = { admin: `unix://${socket}`, url: `http://127.0.0.1:${port}`, source };
    const folder = folderOf(context, "proxy");
    const home = path.join(folder, "home");
    fs.mkdirSync(home, { recursive: true });
    const file = path.join(folder, "caddy.json");
    writeWhole(file, configuration(socket, port));
    await startDaemon({
      folder,
      command: found.program,
      // What it saved goes before what it begins with.
      args: ["run", "--config", file, "--resume"],
      env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home },
      umask: 0o077,
      ready: () => answers(running),
      within: 20_000,
      signal: context.signal,
    });
    return running;
  },
  describe: ({ url }) => `Caddy at ${url}`,
  answers: async (_context, running) => await answers(running),
  stop: async (context) => {
    await stopDaemon(folderOf(context, "proxy"));
    removeSocket(context);
  },
};

function configuration(socket: string, port: number): string {
  const server = { listen: [`127.0.0.1:${port}`], routes: [], automatic_https: { disable: true } };
  const apps = { http: { grace_period: "10s", servers: { rewind: server } } };
  return `${JSON.stringify({ admin: { listen: `unix/${socket}` }, apps }, undefined, 2)}\n`;
}

function answers({ admin }: Proxy): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({
      socketPath: admin.slice("unix://".length),
      path: "/config/apps/http/servers/rewind/listen",
      // On a socket Caddy takes only an empty Host header.
      setHost: false,
      headers: { host: "" },
      agent: false,
      signal: AbortSignal.timeout(2_000),
    });
    asked.once("error", () => {
      resolve(false);
    });
    asked.once("response", (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.once("close", () => {
        resolve(answer.statusCode === 200 && text.trimStart().startsWith("["));
      });
    });
    asked.end();
  });
}
