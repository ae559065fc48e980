import { request } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { shortened } from "../release/text";
import type { Environment } from "../release/schema/environment";
import type { Smoke } from "../release/schema/routes";
import { readBeginning, readBody } from "./bounded";
import type { Measurement } from "./probe";
import { askAdmin, inTurn, type AdminRequest } from "./proxy-admin";

const largestConfiguration = 32 * 1024 ** 2;

/** A proxy's admin API, and the HTTP server of its configuration that routes belong to. */
export interface ProxyAdmin {
  /** `http://127.0.0.1:2019`, or `unix:///run/caddy/admin.sock` */
  readonly admin: string;
  readonly server: string;
}

/** The proxy of an environment. */
export function proxyOf({ admin, server }: NonNullable<Environment["proxy"]>): ProxyAdmin {
  return { admin, server: server ?? "rewind" };
}

/** What a route of an environment is called in its proxy, which other stacks may share; no name has a dot. */
export const routeId = (environment: Pick<Environment, "name">, route: string): string =>
  `rewind.${environment.name}.route.${route}`;

/** What the route of a frontend is called there. */
export const frontendRouteId = (environment: Pick<Environment, "name">, frontend: string): string =>
  `rewind.${environment.name}.frontend.${frontend}`;

/** Which requests a route takes, and where it sends them. */
export interface RouteShape {
  /** Its name in the proxy: `rewind.local.route.api`. */
  readonly id: string;
  readonly hosts?: readonly string[] | undefined;
  readonly paths?: readonly string[] | undefined;
  /** Client addresses that are let in; everyone when left out. */
  readonly allow?: readonly string[] | undefined;
  /** `127.0.0.1:32768` */
  readonly dial: string;
}

/** A route in the proxy's own form. */
export type ProxyRoute = Readonly<Record<string, unknown>>;

/** A route as Caddy's configuration has it. Whoever is not let in gets 403. */
export function routeOf({ id, hosts, paths, allow, dial }: RouteShape): ProxyRoute {
  const match = { ...(hosts === undefined ? {} : { host: hosts }), ...(paths === undefined ? {} : { path: paths }) };
  const toService = {
    handler: "reverse_proxy",
    upstreams: [{ dial }],
    // A version that is about to go may have closed a connection that was kept; the request goes again on a new one.
    load_balancing: { retries: 2, try_duration: "2s" },
  };
  const shut = {
    match: [{ not: [{ remote_ip: { ranges: allow ?? [] } }] }],
    handle: [{ handler: "static_response", status_code: 403, body: "not let in\n" }],
    terminal: true,
  };
  const closed = { handle: shut.handle, terminal: true };
  const guards = allow === undefined ? [] : [allow.length === 0 ? closed : shut];
  return {
    "@id": id,
    ...(Object.keys(match).length === 0 ? {} : { match: [match] }),
    handle: guards.length === 0 ? [toService] : [{ handler: "subroute", routes: [...guards, { handle: [toService] }] }],
    terminal: true,
  };
}

/**
 * The route of that id as the proxy has it now; undefined when it has none.
 * @throws Error when the proxy does not answer
 */
export async function readRoute({ admin }: ProxyAdmin, id: string): Promise<ProxyRoute | undefined> {
  const response = await ask(admin, { path: pathOf(id) });
  if (response.status === 404 || response.status === 400) return undefined;
  if (!response.ok) throw new Error(`the proxy answers ${await said(response)}`);
  return z.record(z.string(), z.unknown()).parse(await jsonOf(response));
}

/**
 * Makes the proxy have this route, at once and as a whole. Caddy asks one route after the other: those that take some
 * paths stand first, then those that take hosts, and last those that take everything.
 * @throws Error when the proxy does not answer, or does not take it
 */
export function putRoute(proxy: ProxyAdmin, id: string, route: ProxyRoute): Promise<void> {
  const { admin, server } = proxy;
  const path = `/config/apps/http/servers/${encodeURIComponent(server)}/routes`;
  return inTurn(admin, async () => {
    for (let attempt = 1; ; attempt += 1) {
      const found = await askAdmin(admin, { path });
      if (!found.ok) throw new Error(`the proxy at ${admin} has no routes to read: ${await said(found)}`);
      const there = z
        .array(z.record(z.string(), z.unknown()))
        .nullable()
        .parse(await jsonOf(found));
      const wanted = withRoute(there ?? [], id, route);
      if (isDeepStrictEqual(there, wanted)) return;
      const method = there === null ? "POST" : "PATCH";
      const response = await askAdmin(admin, { path, method, body: wanted, ifMatch: found.headers.get("etag") });
      if (response.ok) return;
      // Another stack has moved a route of its own meanwhile.
      if (response.status === 412 && attempt < 10) continue;
      throw new Error(`the proxy at ${admin} did not take the route ${id}: ${await said(response)}`);
    }
  });
}

/** All routes of a server with one of them new, or in the stead of the one that had its id. */
export function withRoute(routes: readonly ProxyRoute[], id: string, route: ProxyRoute): ProxyRoute[] {
  const old = routes.findIndex((each) => each["@id"] === id);
  if (old >= 0 && widthOf(routes[old] ?? {}) === widthOf(route)) return routes.with(old, route);
  const others = routes.filter((_, at) => at !== old);
  const wider = others.findIndex((each) => widthOf(each) > widthOf(route));
  return others.toSpliced(wider < 0 ? others.length : wider, 0, route);
}

/** How much a route takes: some paths 0, some hosts 1, everything 2. */
function widthOf({ match }: ProxyRoute): 0 | 1 | 2 {
  if (!Array.isArray(match) || match.length === 0) return 2;
  return match.every((each: object) => "path" in each) ? 0 : 1;
}

/** Takes a route away; fine when there is none. */
export async function deleteRoute({ admin }: ProxyAdmin, id: string): Promise<void> {
  const response = await ask(admin, { path: pathOf(id), method: "DELETE" });
  if (!response.ok && response.status !== 404 && response.status !== 400) {
    throw new Error(`the proxy at ${admin} did not take the route ${id} away: ${await said(response)}`);
  }
}

/** What a refusal says, on one line. */
async function said(response: Response): Promise<string> {
  const { bytes } = await readBeginning(response.body, 4_096);
  return `${response.status} ${shortened(bytes.toString("utf8").replace(/\s+/g, " "))}`;
}

/** What the proxy says, as JSON. Throws when it is too large to be a configuration, or none. */
async function jsonOf(response: Response): Promise<unknown> {
  return JSON.parse(
    (await readBody(response.body, largestConfiguration, "the proxy's configuration")).toString("utf8"),
  );
}

const ask = (admin: string, asked: AdminRequest): Promise<Response> => inTurn(admin, () => askAdmin(admin, asked));

const pathOf = (id: string): string => `/id/${encodeURIComponent(id)}`;

/** Where a route sends its requests, `127.0.0.1:32768`, looked up in the proxy's own form; undefined when nowhere. */
export function dialOf(route: ProxyRoute | undefined): string | undefined {
  const [, dial] = /"dial":"([^"]+)"/.exec(JSON.stringify(route ?? {})) ?? [];
  return dial;
}

/** Whether a proxy answers and has the HTTP server that routes belong to. */
export async function measureProxy({ admin, server }: ProxyAdmin): Promise<Measurement> {
  const response = await ask(admin, { path: `/config/apps/http/servers/${encodeURIComponent(server)}/listen` });
  const listen: unknown = response.ok ? await jsonOf(response) : null;
  return listen === null
    ? { result: "failed", evidence: `the proxy has no HTTP server ${server}` }
    : { result: "passed", evidence: `answers on ${JSON.stringify(listen)}` };
}

/** Whether nobody is led anywhere by a route whose service the pinned release does not have. */
export async function measureNoRoute(proxy: ProxyAdmin, id: string, to: string): Promise<Measurement> {
  const there = await readRoute(proxy, id);
  return there === undefined
    ? { result: "passed", evidence: `leads to nobody: the pinned release has no ${to}` }
    : { result: "failed", evidence: `leads to ${dialOf(there) ?? "nobody"}, the pinned release has no ${to}` };
}

/** Whether the proxy has the route as it should be: where it leads, and whom it takes and lets in. */
export async function measureRoute(proxy: ProxyAdmin, expected: RouteShape): Promise<Measurement> {
  const there = await readRoute(proxy, expected.id);
  if (isDeepStrictEqual(there, routeOf(expected))) return { result: "passed", evidence: `leads to ${expected.dial}` };
  const dial = dialOf(there);
  return {
    result: "failed",
    evidence:
      dial === expected.dial
        ? "leads where it should, but takes or lets in others than the stack file says"
        : `leads to ${dial ?? "nobody"}, the pinned version is at ${expected.dial}`,
  };
}

/**
 * Sends the smoke requests, one after the other.
 * @param host what the Host header says, for a route that takes only some hosts
 */
export async function measureSmoke(base: string, smoke: readonly Smoke[], host?: string): Promise<Measurement> {
  let last = "";
  for (const { path, status = 200 } of smoke) {
    const got = await statusOf(new URL(path, base), host);
    last = `GET ${base}${path} → ${got}`;
    if (got !== status) return { result: "failed", evidence: `${last}; expected ${status}` };
  }
  return { result: "passed", evidence: last };
}

/** `fetch` does not let a Host header be set. */
function statusOf(url: URL, host: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { timeout: 5_000, agent: false, ...(host === undefined ? {} : { headers: { host } }) });
    sent.once("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.once("timeout", () => sent.destroy(new Error(`${url.href} did not answer within 5 s`)));
    sent.once("error", reject);
    sent.end();
  });
}
