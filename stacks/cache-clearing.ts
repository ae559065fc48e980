import * as pulumi from "@pulumi/pulumi";
import type * as implementation from "./cache-clearing.provider";
import { loadProvider } from "./shim";

/** Which keys of which cache to clear, and what makes it necessary again. */
export interface CacheClearingInputs {
  readonly url: string;
  readonly keys: readonly string[];
  /** The digest of what is pinned: when it moves, whatever was cached belongs to another release. */
  readonly digest: string;
  /** The deployment that ended half-way last: it may have filled the cache again. */
  readonly after?: string;
}

const load = () => loadProvider("cache-clearing.provider") as typeof implementation;

const provider: pulumi.dynamic.ResourceProvider<CacheClearingInputs, CacheClearingInputs> = {
  create: (inputs) => load().create(inputs),
  update: (_id, _olds, news) => load().update(news),
  delete: () => Promise.resolve(),
};

type Args = { [K in keyof CacheClearingInputs]: pulumi.Input<NonNullable<CacheClearingInputs[K]>> };

/** Clears a cache whenever the pin moves, after rows and containers, before verification. */
export class CacheClearing extends pulumi.dynamic.Resource {
  constructor(name: string, args: Args, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, args, { ...opts, additionalSecretOutputs: ["url"] }, "rewind", "CacheClearing");
  }
}
