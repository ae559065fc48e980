import { z } from "zod";
import { Name, Origin } from "../primitives";

/** The reverse proxy (Caddy) in front of the services of a single host. */
export const Proxy = z.strictObject({
  admin: Origin.describe("Its admin API; whoever reaches it moves routes, so it listens on loopback"),
  url: Origin.describe("Where it answers"),
  server: Name.optional().describe("The HTTP server of its configuration that routes belong to, `rewind` unless said"),
});
