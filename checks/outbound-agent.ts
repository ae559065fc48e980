import { globalAgent as direct, type Agent as HttpAgent, type ClientRequest, type IncomingMessage } from "node:http";
import { globalAgent as directSecure } from "node:https";
import type { Duplex } from "node:stream";
import { Agent, type AgentConnectOpts } from "agent-base";
import { HttpsProxyAgent } from "https-proxy-agent";
import { hostInUrl } from "../release/primitives";
import { proxyFor, proxyName } from "./outbound";
import { describeError } from "./probe";

/** Connects the requests of an AWS client, each through the proxy that its address has. */
export class OutboundAgent extends Agent {
  override async connect(request: ClientRequest, options: AgentConnectOpts): Promise<Duplex | HttpAgent> {
    const { secureEndpoint, host = "localhost", port } = options;
    const proxy = proxyFor(new URL(`${secureEndpoint ? "https" : "http"}://${hostInUrl(host)}:${port}`));
    if (proxy === undefined) return secureEndpoint ? directSecure : direct;
    const name = `through the proxy ${proxyName(proxy)}`;
    // The library would hand on the proxy's answer as that of the system, and a "denied" is a result here.
    request.once("proxyConnect", ({ statusCode }: IncomingMessage) => {
      if (statusCode !== 200)
        request.destroy(new Error(`${name}: it answers ${statusCode} when it is asked for a tunnel`));
    });
    try {
      return await new HttpsProxyAgent(proxy).connect(request, options);
    } catch (error) {
      const { code } = error as { code?: string };
      throw Object.assign(new Error(`${name}: ${describeError(error)}`), code === undefined ? {} : { code });
    }
  }
}
