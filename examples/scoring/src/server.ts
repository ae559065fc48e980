import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { describe, type Log } from "./log";
import { Refusal } from "./refusal";
import { isAuthorised } from "./token";

export interface Answer {
  status: number;
  body: unknown;
}

export interface Route {
  method: "GET" | "POST";
  /** Segments that begin with a colon become `params`. */
  path: string;
  /** Answers without a token. */
  open?: true;
  /** Is asked every few seconds by machines, so that it leaves no line in the log. */
  quiet?: true;
  handle(params: Readonly<Record<string, string>>, body: unknown): Promise<Answer> | Answer;
}

export interface ServerOptions {
  routes: readonly Route[];
  token: string;
  /** The sites whose pages may ask; any when there is none. */
  allowedOrigins?: readonly string[];
  /** Whether answers carry `x-correlation-id`. */
  correlate: boolean;
  log: Log;
}

/** As much as a request body may hold, in bytes. */
export const bodyLimit = 64 * 1024;

/** An HTTP server over a table of routes: JSON in, JSON out, errors without their inside. */
export function createHttpServer({ routes, token, allowedOrigins = [], correlate, log }: ServerOptions): Server {
  const server = createServer((request, response) => {
    const started = performance.now();
    const correlation = correlate ? correlationOf(request) : undefined;
    let route: Route | undefined;
    const run = async (): Promise<Answer> => {
      const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
      const found = findRoute(routes, request.method ?? "", path);
      route = found.route;
      const { origin } = request.headers;
      if (origin !== undefined && allowedOrigins.length > 0 && !allowedOrigins.includes(origin)) {
        throw new Refusal(403, "origin_not_allowed", "pages of this site may not ask");
      }
      if (route.open !== true && !isAuthorised(request.headers.authorization, token)) {
        throw new Refusal(401, "unauthorised", "a valid bearer token is required");
      }
      return route.handle(found.params, request.method === "POST" ? await readBody(request) : undefined);
    };
    void run()
      .catch((thrown: unknown) => toAnswer(thrown, route, log))
      .then((answer) => {
        send(request, response, answer, correlation, allowedOrigins);
        if (route?.quiet === true) return;
        const milliseconds = Math.round((performance.now() - started) * 10) / 10;
        const { method } = request;
        log("info", "request", { method, route: route?.path, status: answer.status, milliseconds, correlation });
      })
      .catch((thrown: unknown) => {
        log("error", "answer_lost", describe(thrown));
        response.destroy();
      });
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  return server;
}

function findRoute(routes: readonly Route[], method: string, path: string) {
  const matches = routes.flatMap((route) => {
    const params = match(route.path, path);
    return params === undefined ? [] : [{ route, params }];
  });
  const found = matches.find(({ route }) => route.method === method);
  if (found !== undefined) return found;
  if (matches.length === 0) throw new Refusal(404, "not_found", "there is nothing here");
  throw new Refusal(405, "method_not_allowed", `use ${matches.map(({ route }) => route.method).join(" or ")}`);
}

function match(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? "";
    if (segment.startsWith(":")) params[segment.slice(1)] = value;
    else if (segment !== value) return undefined;
  }
  return params;
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const tooLarge = new Refusal(413, "too_large", `a body may hold ${bodyLimit} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > bodyLimit) throw tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) throw tooLarge;
    chunks.push(chunk);
  }
  if (size === 0) return {};
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) {
    throw new Refusal(415, "not_json", "the content type must be application/json");
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new Refusal(400, "bad_request", "the body is no JSON");
  }
}

/** A refusal in full; of anything else only that it happened, the rest goes to the log. */
function toAnswer(thrown: unknown, route: Route | undefined, log: Log): Answer {
  if (thrown instanceof Refusal) {
    const { status, code, message, details } = thrown;
    if (status >= 500) log("error", "request_failed", { route: route?.path, status, code, message });
    return { status, body: { error: code, message, ...details } };
  }
  log("error", "request_failed", { route: route?.path, status: 500, ...describe(thrown) });
  return { status: 500, body: { error: "internal", message: "the request failed; the log says why" } };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  correlation: string | undefined,
  allowedOrigins: readonly string[],
): void {
  const body = JSON.stringify(answer.body);
  const { origin } = request.headers;
  const allowed = origin !== undefined && allowedOrigins.includes(origin) ? origin : undefined;
  response.writeHead(answer.status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(allowed === undefined ? {} : { "access-control-allow-origin": allowed, vary: "origin" }),
    ...(correlation === undefined ? {} : { "x-correlation-id": correlation }),
    // The rest of a body that was refused half-read would be taken for the next request.
    ...(request.complete ? {} : { connection: "close" }),
  });
  response.end(body);
}

function correlationOf(request: IncomingMessage): string {
  const given = request.headers["x-correlation-id"];
  return typeof given === "string" && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}
