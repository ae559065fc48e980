import type { S3 } from "@aws-sdk/client-s3";
import type { Plugin } from "../plugin";
import type { Bag } from "../schema";
import type { Account } from "./account";
import { bucketResource } from "./bucket";
import { encryptionResource, lifecycleResource, publicAccessResource } from "./bucket-safety";
import { corsResource, ownershipResource, policyResource, versioningResource } from "./bucket-settings";
import { functionShape, secretShape, serviceShape, taskDefinitionShape } from "./compute-shapes";
import { serviceResource, taskDefinitionResource } from "./ecs";
import { aliasResource, functionResource } from "./lambda";
import { secretResource, secretVersionResource } from "./secrets";
import { bucketShape } from "./shapes";
import { clientConfig, defaultTags, serviceConfig, type Store } from "./store";

/**
 * The local stand-in for `pulumi-resource-aws`: buckets on whichever S3-compatible store the provider names, and
 * services, functions and secrets wherever its endpoints lead.
 */
export function awsPlugin(environment: NodeJS.ProcessEnv = process.env): Plugin {
  let settings: Bag = {};
  let connected = new Map<string, Promise<unknown>>();
  const once = <T>(service: string, connect: () => Promise<T>): Promise<T> => {
    const known = connected.get(service) ?? connect();
    connected.set(service, known);
    return known as Promise<T>;
  };
  const region = () => clientConfig(settings, environment).region;
  const config = (service: string) => serviceConfig(settings, environment, service);
  // The clients are the largest part by far, so each is loaded with the first call that needs it.
  const store: Store = {
    client: () =>
      once<S3>("s3", () => import("@aws-sdk/client-s3").then(({ S3 }) => new S3(clientConfig(settings, environment)))),
    region,
  };
  const account: Account = {
    ecs: () => once("ecs", () => import("@aws-sdk/client-ecs").then(({ ECS }) => new ECS(config("ecs")))),
    lambda: () =>
      once("lambda", () => import("@aws-sdk/client-lambda").then(({ Lambda }) => new Lambda(config("lambda")))),
    secrets: () =>
      once("secrets", () =>
        import("@aws-sdk/client-secrets-manager").then(
          ({ SecretsManager }) => new SecretsManager(config("secretsmanager")),
        ),
      ),
    region,
  };
  const tags = () => defaultTags(settings);
  return {
    name: "aws",
    version: "7.48.0",
    secretSettings: ["accessKey", "secretKey", "token"],
    resources: {
      "aws:ecs/service:Service": serviceResource(account, serviceShape(tags)),
      "aws:ecs/taskDefinition:TaskDefinition": taskDefinitionResource(account, taskDefinitionShape(tags)),
      "aws:lambda/alias:Alias": aliasResource(account),
      "aws:lambda/function:Function": functionResource(account, functionShape(tags)),
      "aws:s3/bucket:Bucket": bucketResource(store, bucketShape(tags)),
      "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": corsResource(store),
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": lifecycleResource(store),
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ownershipResource(store),
      "aws:s3/bucketPolicy:BucketPolicy": policyResource(store),
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": publicAccessResource(store),
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration":
        encryptionResource(store),
      "aws:s3/bucketVersioning:BucketVersioning": versioningResource(store),
      "aws:secretsmanager/secret:Secret": secretResource(account, secretShape(tags)),
      "aws:secretsmanager/secretVersion:SecretVersion": secretVersionResource(account),
    },
    configure: (given) => {
      settings = given;
      connected = new Map();
    },
    // Every call is short, and the engine waits for it.
    cancel: () => undefined,
  };
}
