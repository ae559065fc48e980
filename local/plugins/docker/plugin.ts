import type Docker from "dockerode";
import type { Plugin } from "../plugin";
import { addressOf } from "./connection";
import { containerResource } from "./container";
import { imageResource } from "./image";
import { networkResource } from "./network";
import { serviceResource } from "./service";
import { registryAuth, type AuthFor } from "./registry-auth";
import { volumeResource } from "./volume";

/** The local stand-in for `pulumi-resource-docker`, on whichever Docker engine the provider names. */
export function dockerPlugin(environment: NodeJS.ProcessEnv = process.env): Plugin {
  let host = "";
  let connected: Promise<Docker> | undefined;
  let authFor: AuthFor = () => undefined;
  let stopping = new AbortController();

  const connect = (): Promise<Docker> => {
    const address = host || environment.DOCKER_HOST || "unix:///var/run/docker.sock";
    // The client is loaded with the first call that needs it: a preview needs none.
    connected ??= import("dockerode").then(({ default: Client }) => new Client(addressOf(address)));
    return connected;
  };
  return {
    name: "docker",
    version: "5.2.0",
    secretSettings: ["registryAuth"],
    resources: {
      "docker:index/container:Container": containerResource(connect, () => stopping.signal),
      "docker:index/network:Network": networkResource(connect),
      "docker:index/remoteImage:RemoteImage": imageResource(connect, (image) => authFor(image)),
      "docker:index/volume:Volume": volumeResource(connect),
      "docker:index/service:Service": serviceResource(
        connect,
        (image) => authFor(image),
        () => stopping.signal,
      ),
    },
    configure: (settings) => {
      host = typeof settings.host === "string" ? settings.host : "";
      authFor = registryAuth(settings.registryAuth);
      connected = undefined;
      stopping = new AbortController();
    },
    cancel: () => {
      stopping.abort();
    },
  };
}
