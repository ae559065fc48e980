import { request } from "node:http";
import { Readable } from "node:stream";
import { describeError } from "./probe";

/** How long one request may take, in milliseconds. */
const patience = 10_000;

/** The last turn at each proxy: it takes one change after the other, and restarts its API with each. */
const turns = new Map<string, Promise<unknown>>();

/** Does something at a proxy when all who came earlier are done. */
export function inTurn<T>(admin: string, act: () => Promise<T>): Promise<T> {
  const done = (turns.get(admin) ?? Promise.resolve()).then(act);
  turns.set(
    admin,
    done.catch(() => undefined),
  );
  return done;
}

/** What is asked of the API: a path of its own, and for a change the JSON that it is to have. */
export interface AdminRequest {
  readonly path: string;
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  readonly body?: unknown;
  /** The version that the change is meant for. */
  readonly ifMatch?: string | null;
}

/**
 * Sends one request to a proxy's admin API, at an address or on a socket (`unix:///run/caddy/admin.sock`), and sends it
 * again while the API restarts: everything that is asked of it can be.
 * @throws Error when the proxy does not answer
 */
export async function askAdmin(admin: string, asked: AdminRequest): Promise<Response> {
  const send = admin.startsWith("unix://") ? sendToSocket : sendToAddress;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send(admin, asked);
    } catch (error) {
      if (attempt === 5) throw new Error(`the proxy at ${admin} does not answer: ${describeError(error)}`);
      await new Promise((resolve) => setTimeout(resolve, attempt * 50));
    }
  }
}

function sendToAddress(admin: string, { path, method = "GET", body, ifMatch }: AdminRequest): Promise<Response> {
  return fetch(`${admin}${path}`, {
    method,
    signal: AbortSignal.timeout(patience),
    headers: { connection: "close", ...headersFor(body, ifMatch) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** `fetch` knows no sockets, and Caddy takes only an empty Host header on one. */
function sendToSocket(admin: string, { path, method = "GET", body, ifMatch }: AdminRequest): Promise<Response> {
  return new Promise((resolve, reject) => {
    const sent = request({
      socketPath: admin.slice("unix://".length),
      path,
      method,
      agent: false,
      setHost: false,
      headers: { host: "", ...headersFor(body, ifMatch) },
      signal: AbortSignal.timeout(patience),
    });
    sent.once("error", reject);
    sent.once("response", (answer) => {
      const { statusCode = 502, headers } = answer;
      const { etag, "content-type": type } = headers;
      const told = { ...(etag === undefined ? {} : { etag }), ...(type === undefined ? {} : { "content-type": type }) };
      // Answers of these have no body, and `Response` takes none for them.
      const empty = [204, 205, 304].includes(statusCode);
      if (empty) answer.resume();
      resolve(
        new Response(empty ? null : (Readable.toWeb(answer) as ReadableStream), { status: statusCode, headers: told }),
      );
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function headersFor(body: unknown, ifMatch: string | null | undefined): Record<string, string> {
  return {
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...(ifMatch === null || ifMatch === undefined ? {} : { "if-match": ifMatch }),
  };
}
