import { Provider } from "@pulumi/aws/provider";
import * as pulumi from "@pulumi/pulumi";
import type { Loaded } from "../release/config";

/** The account that services, functions and secrets live in, asked with its own keys or the machine's identity. */
export function awsProvider({ settings, secrets }: Loaded): Provider {
  const { aws } = settings.environment;
  if (aws === undefined) throw new Error("the environment has no AWS account");
  const { region, credentials, endpoint } = aws;
  return new Provider("aws", {
    region,
    ...(credentials === undefined
      ? {}
      : {
          accessKey: pulumi.secret(secrets[credentials.accessKey] ?? ""),
          secretKey: pulumi.secret(secrets[credentials.secretKey] ?? ""),
        }),
    // What only speaks like AWS knows nothing of accounts, regions and metadata.
    ...(endpoint === undefined
      ? {}
      : {
          endpoints: [{ ecs: endpoint, lambda: endpoint, secretsmanager: endpoint }],
          skipCredentialsValidation: true,
          skipMetadataApiCheck: true,
          skipRegionValidation: true,
          skipRequestingAccountId: true,
        }),
  });
}
