import { Provider as AwsProvider, type ProviderArgs as AwsArgs } from "@pulumi/aws/provider";
import * as docker from "@pulumi/docker";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import type { Loaded } from "../release/config";
import { hostInUrl } from "../release/primitives";

/**
 * The provider of dynamic resources, declared: each of them is to name it. Into the state of the one that the engine
 * makes by itself it copies the stack's whole configuration, the catalogue's rows with it.
 */
export class DynamicProvider extends pulumi.ProviderResource {
  constructor(name: string, opts?: pulumi.ResourceOptions) {
    super("pulumi-nodejs", name, {}, opts);
  }
}

/** The Docker engine of a stack, with what its registry wants to be shown before it gives out an image. */
export function dockerProvider({ settings, secrets }: Loaded): docker.Provider {
  const { docker: engine, registry, registryCredentials } = settings.environment;
  if (engine === undefined) throw new Error("the environment has no Docker engine");
  return new docker.Provider("docker", {
    host: engine.host,
    ...(registryCredentials === undefined
      ? {}
      : {
          registryAuth: [
            {
              address: registry.replace(/\/.*$/, ""),
              username: registryCredentials.user,
              password: pulumi.secret(secrets[registryCredentials.password] ?? ""),
            },
          ],
        }),
  });
}

/** The database server, asked as its administrator. */
export function databaseProvider({ settings, secrets }: Loaded): postgresql.Provider {
  const { database } = settings.environment;
  if (database === undefined) throw new Error("the environment has no database");
  return new postgresql.Provider("postgresql", {
    host: hostInUrl(database.host),
    port: database.port,
    username: database.administrator.user,
    password: pulumi.secret(secrets[database.administrator.password] ?? ""),
    sslmode: database.sslmode ?? "disable",
    database: "postgres",
    superuser: false,
  });
}

/** The object store, asked with the stack's own keys or the machine's identity. */
export function objectStoreProvider(loaded: Loaded): AwsProvider {
  const { objectStore } = loaded.settings.environment;
  if (objectStore === undefined) throw new Error("the environment has no object store");
  const elsewhere = (endpoint: string): AwsArgs => ({ endpoints: [{ s3: endpoint }], s3UsePathStyle: true });
  return new AwsProvider("object-store", accountArgs(loaded, objectStore, elsewhere));
}

/** The account that services, functions and secrets live in, asked with its own keys or the machine's identity. */
export function awsProvider(loaded: Loaded): AwsProvider {
  const { aws } = loaded.settings.environment;
  if (aws === undefined) throw new Error("the environment has no AWS account");
  const elsewhere = (endpoint: string): AwsArgs => ({
    endpoints: [{ ecs: endpoint, lambda: endpoint, secretsmanager: endpoint }],
  });
  return new AwsProvider("aws", accountArgs(loaded, aws, elsewhere));
}

/** CloudFront, asked in the one region that it has, as the environment's AWS account. */
export function cloudFrontProvider(loaded: Loaded): AwsProvider {
  const { aws } = loaded.settings.environment;
  const elsewhere = (endpoint: string): AwsArgs => ({
    endpoints: [{ cloudfront: endpoint, cloudfrontkeyvaluestore: endpoint }],
  });
  return new AwsProvider("cloudfront", accountArgs(loaded, { ...aws, region: cloudFrontRegion }, elsewhere));
}

/** CloudFront is asked in this region, wherever the rest is. */
export const cloudFrontRegion = "us-east-1";

interface Account {
  readonly region: string;
  readonly endpoint?: string | undefined;
  readonly credentials?: { readonly accessKey: string; readonly secretKey: string } | undefined;
}

/** What only speaks like AWS, at an endpoint of its own, knows nothing of accounts, regions and metadata. */
function accountArgs(
  { secrets }: Loaded,
  { region, endpoint, credentials }: Account,
  elsewhere: (endpoint: string) => AwsArgs,
): AwsArgs {
  return {
    region: region,
    ...(credentials === undefined
      ? {}
      : {
          accessKey: pulumi.secret(secrets[credentials.accessKey] ?? ""),
          secretKey: pulumi.secret(secrets[credentials.secretKey] ?? ""),
        }),
    ...(endpoint === undefined
      ? {}
      : {
          ...elsewhere(endpoint),
          skipCredentialsValidation: true,
          skipMetadataApiCheck: true,
          skipRegionValidation: true,
          skipRequestingAccountId: true,
        }),
  };
}
