import * as path from "node:path";
import type { LocalEnvironment } from "./environment";

/**
 * The environment variables with which plain `pulumi` and `docker` work on the embedded environment. PATH is the
 * present one with the CLI's folder and the checkout's programs before it.
 */
export function environmentVariables(
  environment: Pick<LocalEnvironment, "pulumi" | "plugins" | "docker">,
  checkout: string,
  present: string = process.env.PATH ?? "",
): Record<string, string> {
  const { pulumi, plugins, docker } = environment;
  const own = [path.dirname(pulumi.bin), path.join(checkout, "node_modules", ".bin")];
  const rest = present.split(path.delimiter).filter((folder) => folder !== "" && !own.includes(folder));
  return {
    PATH: [...own, ...rest].join(path.delimiter),
    PULUMI_HOME: pulumi.home,
    PULUMI_BACKEND_URL: pulumi.backend,
    PULUMI_CONFIG_PASSPHRASE_FILE: pulumi.passphraseFile,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    DOCKER_HOST: docker.host,
    // The engine would wait for a host that it cannot reach before it uses what is there.
    ...(plugins.some(({ source }) => source === "ours") ? { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" } : {}),
  };
}
