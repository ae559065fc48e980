import type { BucketVersioningStatus, CORSRule, MFADelete, ObjectOwnership, S3 } from "@aws-sdk/client-s3";
import type { Resource } from "../plugin";
import { textOf, isBag, isEmpty, UNKNOWN, type Bag, type Shape, type Value } from "../schema";
import { samePolicy } from "./policy";
import { bucketCorsConfiguration, bucketOwnershipControls, bucketPolicy, bucketVersioning } from "./shapes";
import { about, isAbsent, type Store } from "./store";

interface Setting {
  readonly shape: Shape;
  readonly put: (client: S3, bucket: string, planned: Bag) => Promise<unknown>;
  /** The part of the state that the store answers for; `undefined` when the setting is not there. */
  readonly get: (client: S3, bucket: string, state: Bag) => Promise<Bag | undefined>;
  readonly remove: (client: S3, bucket: string, state: Bag) => Promise<unknown>;
}

/** A resource that is one setting of a bucket and bears the bucket's name. */
export function settingResource(store: Store, setting: Setting): Resource {
  const look = async (bucket: string, state: Bag): Promise<Bag | undefined> => {
    try {
      const found = await setting.get(await store.client(), bucket, state);
      if (found === undefined) return undefined;
      const region = isEmpty(state.region) || state.region === UNKNOWN ? store.region() : (state.region ?? null);
      return { ...state, bucket, region, ...found };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw about(bucket, error);
    }
  };
  const put = async (planned: Bag): Promise<Bag> => {
    const bucket = textOf(planned.bucket);
    try {
      await setting.put(await store.client(), bucket, planned);
    } catch (error) {
      throw about(bucket, error);
    }
    const found = await look(bucket, planned);
    if (found === undefined) throw new Error(`bucket ${bucket}: the setting is gone right after it was made`);
    return found;
  };
  return {
    shape: setting.shape,
    create: async (planned) => ({ id: textOf(planned.bucket), state: await put(planned) }),
    read: async (id, state) => {
      const found = await look(id, state);
      return found === undefined ? undefined : { id, state: found };
    },
    update: (_id, _prior, planned) => put(planned),
    remove: async (id, state) => {
      try {
        await setting.remove(await store.client(), id, state);
      } catch (error) {
        if (!isAbsent(error)) throw about(id, error);
      }
    },
  };
}

/** Who may do what with a bucket; the policy in the state stays as written as long as the store's says the same. */
export function policyResource(store: Store): Resource {
  return settingResource(store, {
    shape: bucketPolicy,
    put: (client, Bucket, planned) => client.putBucketPolicy({ Bucket, Policy: textOf(planned.policy) }),
    get: async (client, Bucket, state) => {
      const { Policy } = await client.getBucketPolicy({ Bucket });
      if (Policy === undefined) return undefined;
      const kept = state.policy;
      return { policy: typeof kept === "string" && samePolicy(kept, Policy) ? kept : Policy };
    },
    remove: (client, Bucket) => client.deleteBucketPolicy({ Bucket }),
  });
}

/** Whether a bucket keeps versions; taking the resource away suspends, because versions cannot be turned off again. */
export function versioningResource(store: Store): Resource {
  return settingResource(store, {
    shape: bucketVersioning,
    put: (client, Bucket, planned) => {
      const { status, mfaDelete } = bagOf(planned.versioningConfiguration);
      // A bucket that never had versions is "Disabled", a state that can be said but not set.
      if (status === "Disabled") return Promise.resolve();
      return client.putBucketVersioning({
        Bucket,
        ...(isEmpty(planned.mfa) ? {} : { MFA: textOf(planned.mfa) }),
        VersioningConfiguration: {
          Status: textOf(status) as BucketVersioningStatus,
          ...(isEmpty(mfaDelete) || mfaDelete === UNKNOWN ? {} : { MFADelete: textOf(mfaDelete) as MFADelete }),
        },
      });
    },
    get: async (client, Bucket) => {
      const { Status, MFADelete } = await client.getBucketVersioning({ Bucket });
      return { versioningConfiguration: { mfaDelete: MFADelete ?? "", status: Status ?? "Disabled" } };
    },
    remove: async (client, Bucket, state) => {
      if (bagOf(state.versioningConfiguration).status !== "Enabled") return;
      await client.putBucketVersioning({ Bucket, VersioningConfiguration: { Status: "Suspended" } });
    },
  });
}

/** Whose an uploaded object is. */
export function ownershipResource(store: Store): Resource {
  return settingResource(store, {
    shape: bucketOwnershipControls,
    put: (client, Bucket, planned) => {
      const ObjectOwnership = textOf(bagOf(planned.rule).objectOwnership) as ObjectOwnership;
      return client.putBucketOwnershipControls({ Bucket, OwnershipControls: { Rules: [{ ObjectOwnership }] } });
    },
    get: async (client, Bucket) => {
      const { OwnershipControls } = await client.getBucketOwnershipControls({ Bucket });
      const [rule] = OwnershipControls?.Rules ?? [];
      return rule === undefined ? undefined : { rule: { objectOwnership: rule.ObjectOwnership ?? "" } };
    },
    remove: (client, Bucket) => client.deleteBucketOwnershipControls({ Bucket }),
  });
}

/** Which other sites' pages may use a bucket. */
export function corsResource(store: Store): Resource {
  return settingResource(store, {
    shape: bucketCorsConfiguration,
    put: (client, Bucket, planned) =>
      client.putBucketCors({ Bucket, CORSConfiguration: { CORSRules: rulesOf(planned.corsRules) } }),
    get: async (client, Bucket) => {
      const { CORSRules } = await client.getBucketCors({ Bucket });
      if (CORSRules === undefined || CORSRules.length === 0) return undefined;
      return { corsRules: CORSRules.map(stateOfRule) };
    },
    remove: (client, Bucket) => client.deleteBucketCors({ Bucket }),
  });
}

function rulesOf(value: Value | undefined): CORSRule[] {
  return (Array.isArray(value) ? value : []).filter(isBag).map((rule) => ({
    AllowedMethods: textsOf(rule.allowedMethods),
    AllowedOrigins: textsOf(rule.allowedOrigins),
    ...(isEmpty(rule.allowedHeaders) ? {} : { AllowedHeaders: textsOf(rule.allowedHeaders) }),
    ...(isEmpty(rule.exposeHeaders) ? {} : { ExposeHeaders: textsOf(rule.exposeHeaders) }),
    ...(isEmpty(rule.id) ? {} : { ID: textOf(rule.id) }),
    ...(isEmpty(rule.maxAgeSeconds) ? {} : { MaxAgeSeconds: Number(rule.maxAgeSeconds) }),
  }));
}

/** A CORS rule as the state has it. */
export function stateOfRule(rule: CORSRule): Bag {
  return {
    allowedHeaders: rule.AllowedHeaders ?? [],
    allowedMethods: rule.AllowedMethods ?? [],
    allowedOrigins: rule.AllowedOrigins ?? [],
    exposeHeaders: rule.ExposeHeaders ?? [],
    id: rule.ID ?? "",
    maxAgeSeconds: rule.MaxAgeSeconds ?? 0,
  };
}

function bagOf(value: Value | undefined): Bag {
  return isBag(value) ? value : {};
}

function textsOf(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
