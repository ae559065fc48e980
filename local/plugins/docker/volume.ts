import type Docker from "dockerode";
import type { Resource } from "../plugin";
import { isBag, isEmpty, textOf, type Bag } from "../schema";
import { isMissing } from "./connection";
import { labelList, labelMap, texts } from "./forms";
import { volume as shape } from "./shapes";

/** Docker volumes; every property is fixed at creation, and the name is the id. */
export function volumeResource(connect: () => Promise<Docker>): Resource {
  const inspect = async (id: string): Promise<{ id: string; state: Bag } | undefined> => {
    try {
      const found = await (await connect()).getVolume(id).inspect();
      return { id: found.Name, state: stateOf(found) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  return {
    shape,
    create: async (planned) => {
      if (isBag(planned.cluster) && !isEmpty(planned.cluster)) {
        throw new Error(`volume ${textOf(planned.name)}: cluster is not for the local docker plugin`);
      }
      // The engine takes a volume that is there already for this one, as the vendor's plugin lets it.
      const docker = await connect();
      const { name } = await docker.createVolume({
        ...(isEmpty(planned.name) ? {} : { Name: textOf(planned.name) }),
        ...(isEmpty(planned.driver) ? {} : { Driver: textOf(planned.driver) }),
        DriverOpts: texts(planned.driverOpts) as Record<string, string>,
        Labels: labelMap(planned.labels),
      });
      const found = await inspect(name);
      if (found === undefined) throw new Error(`volume ${name}: gone right after its creation`);
      return { ...found, state: { ...found.state, driverOpts: planned.driverOpts ?? null } };
    },
    read: (id) => inspect(id),
    update: (_id, _prior, planned) => Promise.resolve(planned),
    remove: async (id) => {
      try {
        await (await connect()).getVolume(id).remove();
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
  };
}

function stateOf(found: Docker.VolumeInspectInfo): Bag {
  return {
    driver: found.Driver,
    driverOpts: texts(found.Options),
    labels: labelList(found.Labels),
    mountpoint: found.Mountpoint,
    name: found.Name,
  };
}
