import { BlockList, isIP } from "node:net";
import type * as undici from "undici";
import type * as agents from "./outbound-agent";

/** These take a while to load, and few machines are behind a proxy. */
const fetching = () => require("undici") as typeof undici;
const tunnelling = () => require("./outbound-agent") as typeof agents;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/**
 * The proxy through which an outside system is asked, as HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say, or the same
 * in lower case, which comes first. Undefined where it is asked directly, as this machine always is.
 * @throws Error when the variable holds no URL of an HTTP proxy; its value may have a password and is not shown
 */
export function proxyFor({ protocol, hostname, port }: URL): URL | undefined {
  const chosen = variable(`${protocol.replace(":", "")}_proxy`) ?? variable("all_proxy");
  const host = hostname.replace(/^\[|\]$|\.$/g, "");
  if (chosen === undefined || isThisMachine(host) || isExempt(host, port || portOf(protocol))) return undefined;
  const [name, value] = chosen;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy === undefined || !/^https?:$/.test(proxy.protocol) || proxy.hostname === "") {
    throw new Error(`${name} is not the URL of an HTTP proxy, such as http://proxy.example.com:3128`);
  }
  return proxy;
}

/** A proxy for people, without its credentials: `http://proxy.example.com:3128`. */
export const proxyName = ({ protocol, hostname, port }: URL): string =>
  `${protocol}//${hostname}:${port || portOf(protocol)}`;

/**
 * `fetch` for systems outside, through the proxy of the machine where there is one. It always asks the proxy for a tunnel,
 * so that no answer of the proxy is taken for one of the system: a store's "denied" is a result here.
 */
export async function fetchOutside(url: string | URL, init: RequestInit = {}): Promise<Response> {
  const proxy = proxyFor(new URL(url));
  if (proxy === undefined) return fetch(url, init);
  try {
    // Its types are of another version than those of Node's own.
    const send = fetching().fetch as unknown as (url: string | URL, init: object) => Promise<Response>;
    return await send(url, { ...init, dispatcher: dispatcherFor(proxy) });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Error(`through the proxy ${proxyName(proxy)}`, { cause: error });
  }
}

/** What an AWS client is made with so that it asks through the proxy of the machine; empty without a proxy. */
export function awsOutbound(): {
  requestHandler?: { httpAgent: agents.OutboundAgent; httpsAgent: agents.OutboundAgent };
} {
  if (["http_proxy", "https_proxy", "all_proxy"].every((name) => variable(name) === undefined)) return {};
  const agent = new (tunnelling().OutboundAgent)();
  return { requestHandler: { httpAgent: agent, httpsAgent: agent } };
}

const dispatchers = new Map<string, undici.ProxyAgent>();

function dispatcherFor(proxy: URL): undici.ProxyAgent {
  const open = dispatchers.get(proxy.href);
  if (open !== undefined) return open;
  const { username, password } = proxy;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const made = new (fetching().ProxyAgent)({
    uri: proxy.origin,
    proxyTunnel: true,
    ...(username === "" ? {} : { token: `Basic ${Buffer.from(credentials).toString("base64")}` }),
  });
  dispatchers.set(proxy.href, made);
  return made;
}

/** A variable of the environment that is set, under the name that it was found by. */
function variable(lower: string): readonly [string, string] | undefined {
  for (const name of [lower, lower.toUpperCase()]) {
    const value = process.env[name]?.trim() ?? "";
    if (value !== "") return [name, value];
  }
  return undefined;
}

function isThisMachine(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host === "localhost" || host.endsWith(".localhost");
  return loopback.check(host, family === 4 ? "ipv4" : "ipv6");
}

/** NO_PROXY: `*`, hosts with all that is below them (with or without a dot before), addresses, networks; each with a port. */
function isExempt(host: string, port: string): boolean {
  const [, list = ""] = variable("no_proxy") ?? [];
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      const [, name = "", only] = /^(\[.*\]|[^:]*|.*:.*:.*?)(?::([0-9]+))?$/.exec(entry) ?? [];
      if (only !== undefined && only !== port) return false;
      if (name.includes("/")) return isInNetwork(host, name);
      const domain = name.replace(/^\*(?=.)|^\[|\]$/g, "").replace(/^\./, "");
      return domain === "*" || (domain !== "" && (host === domain || host.endsWith(`.${domain}`)));
    });
}

function isInNetwork(host: string, network: string): boolean {
  const [address = "", bits] = network.split("/");
  const family = isIP(address);
  const length = Number(bits);
  if (family === 0 || isIP(host) !== family || !/^[0-9]+$/.test(bits ?? "") || length > (family === 4 ? 32 : 128)) {
    return false;
  }
  const list = new BlockList();
  list.addSubnet(address, length, family === 4 ? "ipv4" : "ipv6");
  return list.check(host, family === 4 ? "ipv4" : "ipv6");
}

const portOf = (protocol: string): string => (protocol === "https:" ? "443" : "80");
