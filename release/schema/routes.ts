import { z } from "zod";
import { AdminAddress, Duration, Host, Name, Origin, ToggleName, UrlPath } from "../primitives";

/** The reverse proxy (Caddy) in front of the services of a single host. */
export const Proxy = z.strictObject({
  admin: AdminAddress.describe(
    "Its admin API; whoever reaches it moves routes and reads files, so it listens on a socket of its owner, or on loopback",
  ),
  url: Origin.describe("Where it answers"),
  server: Name.optional().describe("The HTTP server of its configuration that routes belong to, `rewind` unless said"),
});

/** What a new version must answer at its own address before the route moves to it, and through the route after. */
const Smoke = z.strictObject({ path: UrlPath, status: z.int().min(100).max(599).optional() });
export type Smoke = z.infer<typeof Smoke>;

const PathPattern = z.string().regex(/^\/[A-Za-z0-9._~/-]{0,200}\*?$/, {
  error: "expected a path such as /v1/* or /health",
});

/** One address that stays, whatever version answers behind it. */
export const Route = z.strictObject({
  to: z
    .string()
    .regex(/^(?:services|functions)\/[A-Za-z][A-Za-z0-9_-]{0,62}$/, { error: "expected services/NAME" })
    .describe("Who answers"),
  hosts: z.array(Host).min(1).max(50).optional(),
  paths: z.array(PathPattern).min(1).max(100).optional().describe("Everything unless said"),
  smoke: z.array(Smoke).min(1).max(20),
  deadline: Duration.optional().describe("How long the new version may take to answer, 10s unless said"),
  allow: ToggleName.optional().describe("A toggle with the client addresses that are let in, as CIDRs and commas"),
});
export type Route = z.infer<typeof Route>;
