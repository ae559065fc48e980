import type * as pulumi from "@pulumi/pulumi";
import { ProjectResource } from "./project-resource";

/** Which keys of which cache to clear, and what makes it necessary again. */
export interface CacheClearingInputs {
  readonly url: string;
  readonly keys: readonly string[];
  /** The digest of what is pinned: when it moves, whatever was cached belongs to another release. */
  readonly digest: string;
  /** The deployment that ended half-way last: it may have filled the cache again. */
  readonly after?: string;
}

type Args = { [K in keyof CacheClearingInputs]: pulumi.Input<NonNullable<CacheClearingInputs[K]>> };

/** Clears a cache whenever the pin moves, after rows and containers, before verification. */
export class CacheClearing extends ProjectResource {
  constructor(name: string, args: Args, opts?: pulumi.CustomResourceOptions) {
    super("cache-clearing.provider", "CacheClearing", name, args, { ...opts, additionalSecretOutputs: ["url"] });
  }
}
