import * as fs from "node:fs";
import * as path from "node:path";
import { startDaemon, stopDaemon } from "../daemon";
import { folderOf, type Part, remember, remembered } from "../part";
import { type Candidate, firstOf, type Source } from "../source";
import { writeWhole } from "../state";
import type { Context } from "../part";

/** A reverse proxy in front of the services, and the API by which its routes are moved. */
export interface Proxy {
  /** The base URL of its admin API. */
  readonly admin: string;
  /** Where it answers, such as `http://127.0.0.1:20080`. */
  readonly url: string;
  readonly source: Source;
}

interface Settings {
  readonly admin: number;
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

/** Caddy on loopback. Its routes come by its admin API and outlive it: it saves its configuration whenever it moves. */
export const proxy: Part<Proxy> = {
  name: "proxy",
  async start(context) {
    const { source, found } = await firstOf("proxy", candidates(context), context.signal);
    const before = remembered<Settings>(context, "proxy");
    const admin = await context.ports.choose(`${context.id} proxy admin`, ["127.0.0.1"], before.admin);
    const port = await context.ports.choose(`${context.id} proxy`, ["127.0.0.1"], before.port);
    remember(context, "proxy", { admin, port } satisfies Settings);
    const running: Proxy = { admin: `http://127.0.0.1:${admin}`, url: `http://127.0.0.1:${port}`, source };
    const folder = folderOf(context, "proxy");
    const home = path.join(folder, "home");
    fs.mkdirSync(home, { recursive: true });
    const file = path.join(folder, "caddy.json");
    writeWhole(file, configuration(admin, port));
    await startDaemon({
      folder,
      command: found.program,
      // What it saved goes before what it begins with.
      args: ["run", "--config", file, "--resume"],
      env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home },
      ready: async () => await answers(running),
      within: 20_000,
      signal: context.signal,
    });
    return running;
  },
  describe: ({ url }) => `Caddy at ${url}`,
  answers: async (_context, running) => await answers(running),
  stop: async (context) => {
    await stopDaemon(folderOf(context, "proxy"));
  },
};

function configuration(admin: number, port: number): string {
  const server = { listen: [`127.0.0.1:${port}`], routes: [], automatic_https: { disable: true } };
  const apps = { http: { grace_period: "10s", servers: { rewind: server } } };
  return `${JSON.stringify({ admin: { listen: `127.0.0.1:${admin}` }, apps }, undefined, 2)}\n`;
}

async function answers({ admin }: Proxy): Promise<boolean> {
  try {
    const response = await fetch(`${admin}/config/apps/http/servers/rewind/listen`, {
      signal: AbortSignal.timeout(2_000),
    });
    return response.ok && Array.isArray(await response.json());
  } catch {
    return false;
  }
}
