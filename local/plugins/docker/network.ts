import type Docker from "dockerode";
import type { Resource } from "../plugin";
import { textOf, isBag, UNKNOWN, type Bag, type Value } from "../schema";
import { isMissing } from "./connection";
import { labelList, labelMap, texts } from "./forms";
import { network as shape } from "./shapes";

/** Docker networks; every property is fixed at creation, so there is nothing to update. */
export function networkResource(connect: () => Promise<Docker>): Resource {
  const inspect = async (id: string): Promise<{ id: string; state: Bag } | undefined> => {
    const docker = await connect();
    try {
      const found: Docker.NetworkInspectInfo = await docker.getNetwork(id).inspect();
      return { id: found.Id, state: networkState(found) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  return {
    shape,
    create: async (planned) => {
      const docker = await connect();
      const { id } = await docker.createNetwork(networkOptions(planned));
      const made = await inspect(id);
      if (made === undefined) throw new Error(`network ${textOf(planned.name)}: gone right after its creation`);
      // Upstream stores no options for addresses when none were asked for, until the first refresh.
      return { id, state: { ...made.state, ipamOptions: planned.ipamOptions ?? null } };
    },
    read: (id) => inspect(id),
    update: (_id, _prior, planned) => Promise.resolve(planned),
    remove: async (id) => {
      const docker = await connect();
      try {
        await docker.getNetwork(id).remove();
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
  };
}

/** The engine's request for the planned network. */
export function networkOptions(planned: Bag): Docker.NetworkCreateOptions {
  const asked = (key: string): Value | undefined =>
    planned[key] === UNKNOWN ? undefined : (planned[key] ?? undefined);
  const pools = asked("ipamConfigs");
  const options: Bag = {
    Name: textOf(planned.name),
    CheckDuplicate: true,
    Labels: labelMap(planned.labels),
    IPAM: {
      Driver: textOf(planned.ipamDriver),
      Options: asked("ipamOptions") ?? {},
      Config: (Array.isArray(pools) ? pools : []).filter(isBag).map((pool) => ({
        ...(pool.subnet ? { Subnet: pool.subnet } : {}),
        ...(pool.ipRange ? { IPRange: pool.ipRange } : {}),
        ...(pool.gateway ? { Gateway: pool.gateway } : {}),
        ...(isBag(pool.auxAddress) ? { AuxiliaryAddresses: pool.auxAddress } : {}),
      })),
    },
  };
  const optional = { driver: "Driver", internal: "Internal", attachable: "Attachable", ingress: "Ingress" } as const;
  for (const [key, name] of Object.entries({ ...optional, ipv6: "EnableIPv6", options: "Options" })) {
    const value = asked(key);
    if (value !== undefined) options[name] = value;
  }
  return options as unknown as Docker.NetworkCreateOptions;
}

function networkState(found: Docker.NetworkInspectInfo): Bag {
  return {
    attachable: found.Attachable,
    driver: found.Driver,
    ingress: found.Ingress,
    internal: found.Internal,
    ipamConfigs: (found.IPAM?.Config ?? []).map((pool: Record<string, unknown>) => ({
      auxAddress: texts(pool.AuxiliaryAddresses ?? pool.AuxAddress),
      gateway: ownText(pool.Gateway),
      ipRange: ownText(pool.IPRange),
      subnet: ownText(pool.Subnet),
    })),
    ipamDriver: found.IPAM?.Driver ?? "default",
    ipamOptions: texts(found.IPAM?.Options),
    ipv6: found.EnableIPv6,
    labels: labelList(found.Labels),
    name: found.Name,
    options: texts(found.Options),
    scope: found.Scope,
  };
}

function ownText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
