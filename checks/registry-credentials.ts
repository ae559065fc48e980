import type Docker from "dockerode";
import { ecrOf } from "../release/runtime";
import type { Environment } from "../release/schema/environment";
import type { AwsClients } from "./aws-clients";

type Known = Pick<Environment, "registry" | "registryCredentials">;

/** What a Docker engine shows a registry for us, undefined where anybody may pull or the engine knows by itself. */
export function engineAuth(
  { registry, registryCredentials }: Known,
  secret: (name: string) => string,
): Docker.AuthConfigObject | undefined {
  if (registryCredentials === undefined) return undefined;
  return {
    username: registryCredentials.user,
    password: secret(registryCredentials.password),
    serveraddress: registryHost(registry),
  };
}

/**
 * The `authorization` header with which a registry is asked over HTTP, undefined for a registry that answers everybody
 * and for any registry but the environment's own, which nobody else's credentials are shown.
 */
export function registryAuthorization(
  environment: Known,
  secret: (name: string) => string,
  aws: Pick<AwsClients, "ecr">,
): (registry: string) => Promise<string | undefined> {
  const { registry, registryCredentials } = environment;
  const own = registryHost(registry);
  let token: Promise<string | undefined> | undefined;
  return async (asked) => {
    if (asked !== own) return undefined;
    if (registryCredentials !== undefined) {
      const pair = `${registryCredentials.user}:${secret(registryCredentials.password)}`;
      return `Basic ${Buffer.from(pair).toString("base64")}`;
    }
    const ecr = ecrOf(registry);
    return ecr === undefined ? undefined : await (token ??= ecrAuthorization(aws, ecr.region));
  };
}

/** ECR gives out a password that lasts twelve hours to whoever the account knows. */
async function ecrAuthorization(aws: Pick<AwsClients, "ecr">, region: string): Promise<string | undefined> {
  const { GetAuthorizationTokenCommand } = await import("@aws-sdk/client-ecr");
  const { authorizationData } = await (await aws.ecr(region)).send(new GetAuthorizationTokenCommand({}));
  const token = authorizationData?.[0]?.authorizationToken;
  return token === undefined ? undefined : `Basic ${token}`;
}

/** `registry.example.com:5000/team` is `registry.example.com:5000`. */
export const registryHost = (registry: string): string => registry.replace(/\/.*$/, "");
