import { createHash } from "node:crypto";
import { createServer } from "node:net";

/** Below Linux's range for outgoing connections, so that a sticky port is not taken by a passing one. */
const first = 20_000;
const count = 12_000;

/** The ports to try for one part of one clone, in order: the previous one, then a walk that begins at the seed's own. */
export function* candidatePorts(seed: string, previous?: number): Generator<number> {
  if (previous !== undefined) yield previous;
  const start = createHash("sha256").update(seed).digest().readUInt32BE() % count;
  for (let step = 0; step < count; step++) yield first + ((start + step * 7) % count);
}

/** Whether a server could listen on this port of this address now. */
export async function isFree(port: number, address: string): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once("error", () => {
      resolve(false);
    });
    server.listen({ port, host: address, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** Chooses ports, each free on every address that it is wanted on, and never the same one twice. */
export class Ports {
  readonly #given = new Set<number>();

  /**
   * @param seed names clone and part, so that neighbours begin their search at different ports
   * @param previous the port of the last start; kept when it is free
   */
  async choose(seed: string, addresses: readonly string[], previous?: number): Promise<number> {
    for (const port of candidatePorts(seed, previous)) {
      if (this.#given.has(port)) continue;
      this.#given.add(port);
      const free = await Promise.all(addresses.map(async (address) => await isFree(port, address)));
      if (free.every(Boolean)) return port;
    }
    throw new Error(`no free port on ${addresses.join(" and ")} between ${first} and ${first + count - 1}`);
  }
}
