import { KeyvaluestoreKey } from "@pulumi/aws/cloudfront";
import type { Provider as AwsProvider } from "@pulumi/aws/provider";
import * as pulumi from "@pulumi/pulumi";
import { pinnedFrontends, type PinnedFrontend } from "../checks/frontend";
import { frontendRouteId, proxyOf } from "../checks/proxy";
import type { Loaded } from "../release/config";
import { milliseconds } from "../release/primitives";
import { fallbackOf } from "../release/schema/frontend";
import { FrontendRoute } from "./frontend-route";
import { Invalidation } from "./invalidation";
import { cloudFrontProvider, cloudFrontRegion } from "./providers";

/**
 * The pointer to each frontend's pinned build, and the clearing of what the edges keep of the one before. The builds
 * themselves lie in the object store already, and stay there.
 */
export class Frontends extends pulumi.ComponentResource {
  readonly resources: readonly pulumi.CustomResource[];
  private provider: AwsProvider | undefined;

  constructor(
    name: string,
    private readonly loaded: Loaded,
    first: readonly pulumi.Resource[],
    private readonly unfinished: string | undefined,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("rewind:index:Frontends", name, {}, opts);
    this.resources = pinnedFrontends(loaded.settings).flatMap((frontend) => {
      const pointer = this.route(frontend, first) ?? this.key(frontend, first);
      const pointers = pointer === undefined ? [] : [pointer];
      return [...pointers, ...this.invalidation(frontend, [...first, ...pointers])];
    });
    this.registerOutputs();
  }

  private route(
    { name, build, place, bucket }: PinnedFrontend,
    dependsOn: readonly pulumi.Resource[],
  ): pulumi.CustomResource | undefined {
    const { environment } = this.loaded.settings;
    const { route } = place;
    const { proxy } = environment;
    const store = route?.store ?? environment.objectStore?.endpoint;
    if (route === undefined || proxy === undefined) return undefined;
    return new FrontendRoute(
      name,
      {
        ...proxyOf(proxy),
        route: frontendRouteId(environment, name),
        store: store ?? `https://s3.${environment.objectStore?.region ?? ""}.amazonaws.com`,
        bucket,
        build,
        fallback: fallbackOf(place),
        ...(route.hosts === undefined ? {} : { hosts: route.hosts }),
      },
      { parent: this, dependsOn: [...dependsOn] },
    );
  }

  private key(
    { name, build, place }: PinnedFrontend,
    dependsOn: readonly pulumi.Resource[],
  ): pulumi.CustomResource | undefined {
    const keyValueStoreArn = place.distribution?.keyValueStore;
    if (keyValueStoreArn === undefined) return undefined;
    return new KeyvaluestoreKey(
      name,
      { key: name, value: build.slice("sha256:".length), keyValueStoreArn },
      { parent: this, dependsOn: [...dependsOn], provider: (this.provider ??= cloudFrontProvider(this.loaded)) },
    );
  }

  private invalidation(
    { name, build, place }: PinnedFrontend,
    dependsOn: readonly pulumi.Resource[],
  ): pulumi.CustomResource[] {
    const { distribution } = place;
    if (distribution === undefined) return [];
    const { accessKey, secretKey } = this.keys();
    return [
      new Invalidation(
        name,
        {
          distribution: distribution.id,
          paths: distribution.invalidate,
          build,
          ...(this.unfinished === undefined ? {} : { after: this.unfinished }),
          milliseconds: milliseconds(distribution.timeout ?? "10m"),
          region: cloudFrontRegion,
          endpoint: this.loaded.settings.environment.aws?.endpoint,
          accessKey,
          secretKey,
        },
        { parent: this, dependsOn: [...dependsOn] },
      ),
    ];
  }

  private keys() {
    const { settings, secrets } = this.loaded;
    const { accessKey, secretKey } = settings.environment.aws?.credentials ?? {};
    const valueOf = (secret: string | undefined) =>
      secret === undefined ? undefined : pulumi.secret(secrets[secret] ?? "");
    return { accessKey: valueOf(accessKey), secretKey: valueOf(secretKey) };
  }
}
