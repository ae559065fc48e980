import type { ProxyRoute } from "../checks/proxy";
import { filesPrefix } from "../release/frontend-build";
import type { Digest } from "../release/primitives";

/** What a proxy is told of one frontend. */
export interface ServedBuild {
  /** The route's own name at the proxy. Not `id`, which the engine keeps for itself. */
  readonly route: string;
  /** Where the proxy reaches the object store, such as `http://127.0.0.1:9000`. */
  readonly store: string;
  readonly bucket: string;
  readonly build: Digest;
  /** The document that answers for the app's own paths. */
  readonly fallback: string;
  /** The hosts that people load it under; every host where it is left out. */
  readonly hosts?: readonly string[] | undefined;
}

/** The path as it came, decoded once. Matchers of paths tidy up `..` first, and what is sent on would still have it. */
const asked = "{http.request.uri.path}";
/** What stands in no file's path of any build, so a URL that has it asks for none: percent signs, blanks, `..`. */
const plain = "^(?:/|(?:/(?:[A-Za-z0-9_~@+=,()-]|\\.[A-Za-z0-9_~@+=,()-])[A-Za-z0-9._~@+=,()-]*)*/?)$";

/**
 * One route of Caddy that serves a build from the object store: files as they lie there, and the fallback document for
 * every path that is no file and looks like none. Only GET and HEAD, no query (a listing is asked for by one), and
 * neither cookies nor credentials reach the store. The build's name stands here and nowhere else, so the route as a
 * whole is the pointer: it moves at once or not at all.
 */
export function routeTo({ route, store, bucket, build, fallback, hosts }: ServedBuild): ProxyRoute {
  const { hostname, port, protocol, host } = new URL(store);
  const dial = `${hostname}:${port || (protocol === "https:" ? "443" : "80")}`;
  const folder = `/${bucket}/${filesPrefix(build)}`.slice(0, -1);
  const absent = { status_code: [403, 404] };
  const fetch = (path: string, missing: readonly object[]) => [
    { handler: "rewrite", method: "{http.request.method}", uri: `${folder}${path}?` },
    {
      handler: "reverse_proxy",
      upstreams: [{ dial }],
      ...(protocol === "https:" ? { transport: { protocol: "http", tls: {} } } : {}),
      headers: {
        request: {
          set: { Host: [host] },
          delete: ["Authorization", "Cookie", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"],
        },
        response: { deferred: true, delete: ["X-Amz-*", "Server", "Set-Cookie"] },
      },
      handle_response: [{ match: absent, routes: [{ handle: missing }] }],
    },
  ];
  const notFound = [{ handler: "static_response", status_code: "404" }];
  const document = fetch(`/${fallback}`, notFound);
  const looksLikeAFile = { path_regexp: { pattern: "\\.[A-Za-z0-9]+$" } };
  return {
    "@id": route,
    ...(hosts === undefined ? {} : { match: [{ host: hosts }] }),
    handle: [
      {
        handler: "subroute",
        routes: [
          {
            match: [{ not: [{ method: ["GET", "HEAD"] }] }],
            handle: [{ handler: "static_response", status_code: "405", headers: { Allow: ["GET, HEAD"] } }],
            terminal: true,
          },
          { match: [{ not: [{ vars_regexp: { [asked]: { pattern: plain } } }] }], handle: document, terminal: true },
          { match: [{ path: ["/"] }], handle: document, terminal: true },
          { match: [looksLikeAFile], handle: fetch(asked, notFound), terminal: true },
          { handle: fetch(asked, document), terminal: true },
        ],
      },
    ],
    terminal: true,
  };
}
