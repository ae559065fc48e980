import type { S3 } from "@aws-sdk/client-s3";
import type { Plugin } from "../plugin";
import type { Bag } from "../schema";
import { bucketResource } from "./bucket";
import { corsResource, ownershipResource, policyResource, versioningResource } from "./bucket-settings";
import { bucketShape } from "./shapes";
import { clientConfig, defaultTags, type Store } from "./store";

/** The local stand-in for `pulumi-resource-aws`: buckets, on whichever S3-compatible store the provider names. */
export function awsPlugin(environment: NodeJS.ProcessEnv = process.env): Plugin {
  let settings: Bag = {};
  let connected: Promise<S3> | undefined;
  const store: Store = {
    // The client is the largest of the three by far, so it is loaded with the first call that needs it.
    client: () =>
      (connected ??= import("@aws-sdk/client-s3").then(({ S3 }) => new S3(clientConfig(settings, environment)))),
    region: () => clientConfig(settings, environment).region,
  };
  return {
    name: "aws",
    version: "7.48.0",
    secretSettings: ["accessKey", "secretKey", "token"],
    resources: {
      "aws:s3/bucket:Bucket": bucketResource(
        store,
        bucketShape(() => defaultTags(settings)),
      ),
      "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": corsResource(store),
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ownershipResource(store),
      "aws:s3/bucketPolicy:BucketPolicy": policyResource(store),
      "aws:s3/bucketVersioning:BucketVersioning": versioningResource(store),
    },
    configure: (given) => {
      settings = given;
      connected = undefined;
    },
    // Every call to the store is short, and the engine waits for it.
    cancel: () => undefined,
  };
}
