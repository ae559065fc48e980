import * as path from "node:path";
import { folderOf, type Part, remember, remembered } from "../part";
import { serverCandidates, startServer, stopServer } from "../server";
import { firstOf, type Source } from "../source";
import { writeWhole } from "../state";

export interface Registry {
  readonly address: string;
  readonly source: Source;
}

interface Settings {
  readonly port: number;
}

/** Docker's registry 2.8.3, for every platform; the digest is that of Docker Hub's list of platforms. */
const image = "registry@sha256:a3d8aaa63ed8681a604f1dea0aa03f100d5895b6a58ace528858a7b332415373";

/** An image registry on loopback, where Docker needs no certificate; without credentials, with deletion. */
export const registry: Part<Registry> = {
  name: "registry",
  async start(context) {
    const places = serverCandidates(context, { program: "docker-registry", packages: ["docker-registry"], image });
    const { source, found } = await firstOf("registry", places, context.signal);
    const before = remembered<Settings>(context, "registry");
    const port = await context.ports.choose(`${context.id} registry`, ["127.0.0.1"], before.port);
    remember(context, "registry", { port } satisfies Settings);
    const running: Registry = { address: `127.0.0.1:${port}`, source };
    const folder = folderOf(context, "registry");
    const file = path.join(folder, "registry.yml");
    const data = path.join(folder, "data");
    await startServer(context, {
      part: "registry",
      folder,
      found,
      binary: () => {
        writeWhole(file, configuration(data, running.address));
        return ["serve", file];
      },
      container: () => {
        writeWhole(file, configuration("/var/lib/registry", ":5000"));
        return { port: 5000, mounts: { [file]: "/etc/docker/registry/config.yml", [data]: "/var/lib/registry" } };
      },
      published: [{ address: "127.0.0.1", port }],
      ready: async () => await answers(running),
    });
    return running;
  },
  describe: ({ address }) => `image registry at ${address}`,
  answers: async (_context, running) => await answers(running),
  stop: async (context) => {
    await stopServer(context, "registry");
  },
};

/** JSON is YAML too, and quotes every path as it must be. */
function configuration(data: string, address: string): string {
  return `${JSON.stringify(
    {
      version: "0.1",
      log: { level: "warn", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: data }, delete: { enabled: true } },
      http: { addr: address },
    },
    undefined,
    2,
  )}\n`;
}

async function answers({ address }: Registry): Promise<boolean> {
  try {
    const response = await fetch(`http://${address}/v2/`, { signal: AbortSignal.timeout(2_000) });
    return response.status === 200 && response.headers.get("docker-distribution-api-version") === "registry/2.0";
  } catch {
    return false;
  }
}
