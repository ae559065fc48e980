import * as pulumi from "@pulumi/pulumi";

/**
 * The provider of dynamic resources, declared. Into the state of the one that the engine makes by itself it copies the
 * stack's whole configuration, the catalogue's rows with it.
 */
export class DynamicProvider extends pulumi.ProviderResource {
  constructor(name: string, opts?: pulumi.ResourceOptions) {
    super("pulumi-nodejs", name, {}, opts);
  }
}
