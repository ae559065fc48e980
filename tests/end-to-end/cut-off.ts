import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A way to a PostgreSQL server that is cut off at a message. */
export interface CutOff {
  readonly port: number;
  /** Whether as many messages went by. */
  wasCut(): boolean;
  close(): Promise<void>;
}

/** Which messages are counted: those that go to the server, or those that come back. */
export type Way = "there" | "back";

/**
 * Lets `after` messages through on one way, and then cuts every connection, for good: the next message does not arrive.
 * What the server did with those before it did.
 */
export async function cutOff(to: { host: string; port: number }, way: Way, after: number): Promise<CutOff> {
  let left = after;
  let isCut = false;
  const open = new Set<Socket>();
  const cut = (): void => {
    isCut = true;
    for (const socket of open) socket.destroy();
  };
  const server = createServer((client) => {
    if (isCut) return client.destroy();
    const there = connect(to.port, to.host);
    for (const [from, into, own] of [
      [client, there, "there"],
      [there, client, "back"],
    ] as const) {
      open.add(from);
      const messages = framing(own === "there");
      from.on("data", (chunk) => {
        for (const message of messages(chunk)) {
          if (own === way && left === 0) {
            cut();
            return;
          }
          if (own === way) left -= 1;
          into.write(message);
        }
      });
      from
        .on("error", () => undefined)
        .on("close", () => {
          open.delete(from);
          into.destroy();
        });
    }
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    wasCut: () => isCut,
    close: () => {
      cut();
      return new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}

/** Cuts a stream of bytes into the protocol's messages; the first that goes to the server has no type. */
function framing(isUntyped: boolean): (chunk: Buffer) => Buffer[] {
  let rest = Buffer.alloc(0);
  let type = isUntyped ? 0 : 1;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const found: Buffer[] = [];
    while (rest.length >= type + 4 && rest.length >= type + rest.readInt32BE(type)) {
      const end = type + rest.readInt32BE(type);
      found.push(rest.subarray(0, end));
      rest = rest.subarray(end);
      type = 1;
    }
    return found;
  };
}
