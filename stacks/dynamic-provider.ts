import * as pulumi from "@pulumi/pulumi";

class DynamicProvider extends pulumi.ProviderResource {
  constructor(name: string) {
    super("pulumi-nodejs", name, {});
  }
}

/**
 * Declares the provider of all dynamic resources. Into the state of the one that the engine makes by itself it copies
 * the stack's whole configuration, the catalogue's rows with it; a provider that is declared has what it is given.
 */
export function declareDynamicProvider(): void {
  const provider = new DynamicProvider("dynamic");
  pulumi.runtime.registerResourceTransform(({ type, props, opts }) =>
    type.startsWith("pulumi-nodejs:dynamic") ? { props, opts: { ...opts, provider } } : undefined,
  );
}
