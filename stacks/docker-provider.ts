import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Loaded } from "../release/config";

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
