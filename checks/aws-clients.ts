import type { ECRClient } from "@aws-sdk/client-ecr";
import type { ECSClient } from "@aws-sdk/client-ecs";
import type { LambdaClient } from "@aws-sdk/client-lambda";
import type { S3Client } from "@aws-sdk/client-s3";
import type { Environment } from "../release/schema/environment";
import { awsOutbound } from "./outbound";

/** The clients of an AWS account. Each is loaded when it is first asked for: most stacks have no use for them. */
export interface AwsClients {
  ecr(region?: string): Promise<ECRClient>;
  ecs(): Promise<ECSClient>;
  lambda(): Promise<LambdaClient>;
  /** The account's own S3, which may be another than the object store of the stack. */
  s3(): Promise<S3Client>;
  close(): void;
}

/** Clients for the account of an environment; without keys of its own it is asked as the machine itself. */
export function openAws({ aws }: Pick<Environment, "aws">, secret: (name: string) => string): AwsClients {
  const open = new Map<string, Promise<{ destroy(): void }>>();
  const once = <T extends { destroy(): void }>(name: string, make: () => Promise<T>): Promise<T> => {
    const known = open.get(name) ?? make();
    open.set(name, known);
    return known as Promise<T>;
  };
  const config = (region = aws?.region) => {
    // The versions pinned here run on Node 20, and the line would stand in every preview.
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
    const { credentials, endpoint } = aws ?? {};
    return {
      maxAttempts: 1,
      ...awsOutbound(),
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined
        ? {}
        : {
            credentials: { accessKeyId: secret(credentials.accessKey), secretAccessKey: secret(credentials.secretKey) },
          }),
    };
  };
  return {
    ecr: (region) =>
      once(`ecr ${region ?? ""}`, async () => new (await import("@aws-sdk/client-ecr")).ECRClient(config(region))),
    ecs: () => once("ecs", async () => new (await import("@aws-sdk/client-ecs")).ECSClient(config())),
    lambda: () => once("lambda", async () => new (await import("@aws-sdk/client-lambda")).LambdaClient(config())),
    s3: () =>
      once("s3", async () => {
        const forcePathStyle = aws?.endpoint !== undefined;
        return new (await import("@aws-sdk/client-s3")).S3Client({ ...config(), forcePathStyle });
      }),
    close: () => {
      for (const client of open.values()) {
        client.then(
          (made) => {
            made.destroy();
          },
          () => undefined,
        );
      }
    },
  };
}
