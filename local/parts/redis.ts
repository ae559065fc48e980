import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { folderOf, type Part, remember, remembered } from "../part";
import { startServer, stopServer, serverCandidates } from "../server";
import { firstOf, type Source } from "../source";
import { newSecret, writeWhole } from "../state";

export interface Redis {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  readonly source: Source;
}

/** Redis 7.4.2 on Alpine, for every platform; the digest is that of Docker Hub's list of platforms. */
const image = "redis@sha256:02419de7eddf55aa5bcf49efb74e88fa8d931b4d77c07eff8a6b2144472b6952";

/** A Redis with a password, on loopback and on the bridge. */
export const redis: Part<Redis> = {
  name: "redis",
  async start(context) {
    const places = serverCandidates(context, { program: "redis-server", packages: ["redis-server"], image });
    const { source, found } = await firstOf("redis", places, context.signal);
    const before = remembered<Redis>(context, "redis");
    const { listen } = await context.gateway;
    const port = await context.ports.choose(`${context.id} redis`, listen, before.port);
    const running: Redis = { host: "127.0.0.1", port, password: before.password ?? newSecret(), source };
    remember(context, "redis", running);
    const folder = folderOf(context, "redis");
    const data = path.join(folder, "data");
    fs.mkdirSync(data, { recursive: true });
    const configure = (inside: { listen: readonly string[]; port: number; data: string }): string => {
      const file = path.join(folder, "redis.conf");
      writeWhole(file, configuration(running.password, inside));
      return file;
    };
    await startServer(context, {
      part: "redis",
      folder,
      found,
      binary: () => [configure({ listen, port, data })],
      container: () => {
        const file = configure({ listen: ["0.0.0.0"], port: 6379, data: "/data" });
        // The image runs Redis as a user of its own, who has to read the file.
        fs.chmodSync(file, 0o644);
        return {
          port: 6379,
          mounts: { [file]: "/etc/redis.conf", [data]: "/data" },
          command: ["redis-server", "/etc/redis.conf"],
        };
      },
      published: listen.map((address) => ({ address, port })),
      ready: async () => await answers(running),
    });
    return running;
  },
  describe: ({ host, port }) => `Redis at ${host}:${port}`,
  answers: async (_context, running) => await answers(running),
  stop: async (context) => {
    await stopServer(context, "redis");
  },
};

function configuration(password: string, at: { listen: readonly string[]; port: number; data: string }): string {
  return [
    `bind ${at.listen.join(" ")}`,
    `port ${at.port}`,
    `requirepass ${password}`,
    `dir ${at.data}`,
    "appendonly yes",
    "daemonize no",
    "",
  ].join("\n");
}

/** Whether it takes the password and answers a ping. */
async function answers({ host, port, password }: Redis): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: 2_000 });
    let said = "";
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    socket.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("+PONG")) end(true);
      else if (said.includes("-")) end(false);
    });
    socket.once("timeout", () => {
      end(false);
    });
    socket.once("error", () => {
      end(false);
    });
    socket.once("close", () => {
      end(false);
    });
  });
}
