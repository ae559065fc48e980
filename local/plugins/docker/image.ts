import type Docker from "dockerode";
import type { Resource } from "../plugin";
import { textOf, isEmpty, type Bag } from "../schema";
import { isMissing } from "./connection";
import type { AuthFor } from "./registry-auth";
import { remoteImage as shape } from "./shapes";

/** Images pulled from a registry, by tag or by digest; one that is already there is not pulled again. */
export function imageResource(connect: () => Promise<Docker>, authFor: AuthFor = () => undefined): Resource {
  const find = async (state: Bag): Promise<{ id: string; state: Bag } | undefined> => {
    const docker = await connect();
    const name = textOf(state.name);
    try {
      const image = await docker.getImage(name).inspect();
      return {
        id: image.Id + name,
        state: { ...state, imageId: image.Id, repoDigest: repositoryDigest(name, image.RepoDigests) },
      };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  return {
    shape,
    create: async (planned) => {
      const name = textOf(planned.name);
      if (!isEmpty(planned.build))
        throw new Error(`image ${name}: the local docker plugin pulls images, it builds none`);
      const present = await find(planned);
      if (present !== undefined) return present;
      await pull(await connect(), name, planned.platform, authFor(name));
      const pulled = await find(planned);
      if (pulled === undefined) throw new Error(`image ${name}: not there after the pull`);
      return pulled;
    },
    read: (_id, state) => find(state),
    update: async (_id, prior, planned) => {
      const found = await find({
        ...planned,
        imageId: prior.imageId ?? null,
        repoDigest: prior.repoDigest ?? null,
      });
      return found?.state ?? planned;
    },
    remove: async (_id, state) => {
      if (state.keepLocally === true) return;
      const docker = await connect();
      try {
        await docker.getImage(textOf(state.name)).remove({ force: state.forceRemove === true });
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
  };
}

async function pull(
  docker: Docker,
  name: string,
  platform: Bag[string] | undefined,
  authconfig: Docker.AuthConfigObject | undefined,
): Promise<void> {
  const options = {
    ...(typeof platform === "string" && platform !== "" ? { platform } : {}),
    ...(authconfig === undefined ? {} : { authconfig }),
  };
  const progress = await docker.pull(name, options).catch((error: unknown) => {
    // The engine's own answer names the registry at most.
    const reason = error instanceof Error ? error.message.trim() : String(error);
    throw new Error(`image ${name}: ${reason}`);
  });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(progress, (error: Error | null, events: { error?: string }[] | null) => {
      // A pull that fails half-way ends well and says so only in its last event.
      const failed = events?.find((event) => event.error !== undefined)?.error;
      if (error) reject(new Error(`image ${name}: ${error.message}`, { cause: error }));
      else if (failed !== undefined) reject(new Error(`image ${name}: ${failed}`));
      else resolve();
    });
  });
}

/** The digest of the image in the repository that `name` is of, or the first that there is, or nothing. */
export function repositoryDigest(name: string, digests: readonly string[] | null | undefined): string {
  const repository = name.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  if (name.includes("@sha256:") && digests?.includes(name)) return name;
  return digests?.find((digest) => digest.startsWith(`${repository}@`)) ?? digests?.[0] ?? "";
}
