import { z } from "zod";
import { BuildPath } from "../frontend-build";
import { BucketName, Digest, Duration, Host, Origin } from "../primitives";

/** A frontend as a release pins it: an immutable build, by the digest of the manifest of its files. */
export const Frontend = z.strictObject({
  build: Digest.describe("The build by the digest of its manifest, as it lies in the object store"),
});

const CachedPath = z.string().regex(/^\/[A-Za-z0-9._~@+=,()/-]{0,500}\*?$/, {
  error: "expected a path such as /tasks or /documents/*",
});

/** The team's own CloudFront distribution. Nothing of it is changed but the key that names the build. */
const Distribution = z.strictObject({
  id: z.string().regex(/^[A-Z0-9]{6,32}$/, { error: "expected the id of a distribution such as E2QWRUHAPOMQZL" }),
  keyValueStore: z
    .string()
    .regex(/^arn:aws[a-z-]*:cloudfront::[0-9]{12}:key-value-store\/[0-9a-f-]{36}$/, {
      error: "expected the ARN of a CloudFront KeyValueStore",
    })
    .optional()
    .describe("Where the distribution's function looks up the build; its key is the frontend's name"),
  invalidate: z.array(CachedPath).min(1).max(100).describe("The paths to clear from its caches after a flip"),
  timeout: Duration.optional().describe("How long an invalidation may take, 10m unless said"),
});

/** A route of the environment's reverse proxy that serves the build from the object store. */
const FrontendRoute = z.strictObject({
  hosts: z.array(Host).min(1).max(50).optional().describe("The hosts that it answers for, every host unless said"),
  store: Origin.optional().describe("Where the proxy reaches the object store, when not at its endpoint"),
});

/** Where a frontend is served from, whatever its release. */
export const FrontendPlace = z.strictObject({
  bucket: BucketName.describe("A bucket of objectStore.buckets by its name there, or one of its own"),
  url: Origin.describe("Where people load it, such as https://app.example.com"),
  fallback: BuildPath.optional().describe("The document that answers for the app's own paths, index.html unless said"),
  route: FrontendRoute.optional().describe("The pointer that the pin moves, on a single host"),
  distribution: Distribution.optional(),
});
export type FrontendPlace = z.infer<typeof FrontendPlace>;

/** The document that answers for every path that is no file. */
export const fallbackOf = ({ fallback }: FrontendPlace): string => fallback ?? "index.html";
