import { createServer, type AddressInfo, type Socket } from "node:net";

/** How a server, or a pooler in front of it, answers. */
export interface Answers {
  /** The startup parameters that it refuses, as poolers do with those that they do not keep track of. */
  readonly refuses?: readonly string[];
  /** Whether it asks for a password, which nobody here has. */
  readonly password?: boolean;
  /** What it says at the beginning that the number of the process is; by connection, from 1. */
  readonly told?: (connection: number) => number;
  /** The number of the process that carries out a statement. */
  readonly serving?: (connection: number) => number;
  /** Statements that get no answer. */
  readonly hangs?: RegExp;
}

export interface StandIn {
  readonly port: number;
  /** The startup parameters of each connection. */
  readonly startups: Readonly<Record<string, string>>[];
  /** Every statement, with its connection. */
  readonly statements: { readonly connection: number; readonly text: string }[];
  close(): Promise<void>;
}

/** Speaks as much of PostgreSQL's protocol as it takes to connect and to send statements without parameters. */
export async function standInServer(answers: Answers = {}): Promise<StandIn> {
  const { refuses = [], password = false, told = same, serving = same, hangs } = answers;
  const sockets = new Set<Socket>();
  const startups: Record<string, string>[] = [];
  const statements: { connection: number; text: string }[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    let connection = 0;
    let waiting = Buffer.alloc(0);
    const start = (body: Buffer): void => {
      const texts = body.subarray(4).toString().split("\0");
      const parameters: Record<string, string> = {};
      for (let at = 0; texts[at]; at += 2) parameters[texts[at]!] = texts[at + 1]!;
      startups.push(parameters);
      connection = startups.length;
      const refused = refuses.find((name) => name in parameters);
      if (refused !== undefined) socket.end(failure("08P01", `unsupported startup parameter: ${refused}`));
      else if (password) socket.write(message("R", int(3)));
      else {
        socket.write(
          Buffer.concat([message("R", int(0)), message("K", Buffer.concat([int(told(connection)), int(1)])), ready]),
        );
      }
    };
    const answer = (text: string): void => {
      statements.push({ connection, text });
      if (hangs?.test(text) === true) return;
      if (!text.includes("pg_backend_pid")) {
        socket.write(Buffer.concat([message("C", Buffer.from("SET\0")), ready]));
        return;
      }
      const value = Buffer.from(String(serving(connection)));
      const column = Buffer.concat([Buffer.from("pid\0"), int(0), short(0), int(23), short(4), int(-1), short(0)]);
      socket.write(
        Buffer.concat([
          message("T", Buffer.concat([short(1), column])),
          message("D", Buffer.concat([short(1), int(value.length), value])),
          message("C", Buffer.from("SELECT 1\0")),
          ready,
        ]),
      );
    };
    socket.on("data", (bytes) => {
      waiting = Buffer.concat([waiting, bytes]);
      for (;;) {
        // The first message of a connection has no type.
        const typed = connection === 0 ? 0 : 1;
        if (waiting.length < typed + 4) return;
        const end = typed + waiting.readInt32BE(typed);
        if (waiting.length < end) return;
        const [type, body] = [waiting.toString("latin1", 0, typed), waiting.subarray(typed + 4, end)];
        waiting = waiting.subarray(end);
        if (typed === 0) start(body);
        else if (type === "Q") answer(body.toString("utf8", 0, body.length - 1));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    startups,
    statements,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const same = (connection: number): number => connection;
const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const short = (value: number): Buffer => int(value).subarray(2);
const message = (type: string, body: Buffer): Buffer => Buffer.concat([Buffer.from(type), int(body.length + 4), body]);
const failure = (code: string, text: string): Buffer =>
  message("E", Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`));
const ready = message("Z", Buffer.from("I"));
