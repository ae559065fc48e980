import { randomBytes } from "node:crypto";
import type { S3 } from "@aws-sdk/client-s3";
import { stateOfRule } from "./bucket-settings";
import { HalfCreated, type Resource } from "../plugin";
import { textOf, isBag, isEmpty, UNKNOWN, type Bag, type Shape } from "../schema";
import { stored } from "../state";
import { about, isAbsent, ifAny, type Store } from "./store";

/** Route 53's zones of the S3 website endpoints, in the regions that the examples name. */
const zones: Readonly<Record<string, string>> = {
  "us-east-1": "Z3AQBSTGFJSTF",
  "us-east-2": "Z2O1EMRO9K5GLX",
  "us-west-1": "Z2F56UZL2M1ACD",
  "us-west-2": "Z3BJ6K6RIION7M",
  "eu-west-1": "Z1BKCTXD74EZPE",
  "eu-central-1": "Z21DNDUVLTQW6Q",
};

/** Buckets with their tags. */
export function bucketResource(store: Store, shape: Shape): Resource {
  return {
    shape,
    create: async (planned) => {
      const client = await store.client();
      const region = regionOf(planned, store);
      const name = nameOf(planned);
      await client
        .createBucket({
          Bucket: name,
          // The store's home region must not be named.
          ...(region === "us-east-1"
            ? {}
            : { CreateBucketConfiguration: { LocationConstraint: region as "eu-west-1" } }),
          ...(planned.objectLockEnabled === true ? { ObjectLockEnabledForBucket: true } : {}),
        })
        .catch((error: unknown) => {
          throw about(name, error);
        });
      try {
        await tag(client, name, planned, {});
        return { id: name, state: await bucketState(client, name, region, planned) };
      } catch (error) {
        // The bucket is there, and what the state does not know is never cleaned up.
        const known = Object.fromEntries(Object.entries(planned).filter(([, value]) => value !== UNKNOWN));
        const state = stored(shape, name, { ...known, bucket: name, region, tags: null, tagsAll: null }, false);
        throw new HalfCreated(name, state, about(name, error).message);
      }
    },
    read: async (id, state) => {
      const client = await store.client();
      try {
        await client.headBucket({ Bucket: id });
        return { id, state: await bucketState(client, id, regionOf(state, store), { forceDestroy: false, ...state }) };
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw about(id, error);
      }
    },
    update: async (id, prior, planned) => {
      const client = await store.client();
      try {
        await tag(client, id, planned, prior);
        return await bucketState(client, id, regionOf(prior, store), planned);
      } catch (error) {
        throw about(id, error);
      }
    },
    remove: async (id, state) => {
      const client = await store.client();
      try {
        if (state.forceDestroy === true) await empty(client, id);
        await client.deleteBucket({ Bucket: id });
      } catch (error) {
        if (!isAbsent(error)) throw about(id, error);
      }
    },
  };
}

function regionOf(bag: Bag, store: Store): string {
  const region = bag.region;
  return isEmpty(region) || region === UNKNOWN ? store.region() : textOf(region);
}

function nameOf(planned: Bag): string {
  const given = planned.bucket;
  if (!isEmpty(given) && given !== UNKNOWN) return textOf(given);
  const moment = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  return `${textOf(planned.bucketPrefix ?? "")}${moment}${randomBytes(6).toString("hex")}`;
}

async function tag(client: S3, name: string, planned: Bag, prior: Bag): Promise<void> {
  const tags = isBag(planned.tagsAll) ? planned.tagsAll : {};
  const pairs = Object.entries(tags).map(([Key, value]) => ({ Key, Value: textOf(value) }));
  if (pairs.length > 0) await client.putBucketTagging({ Bucket: name, Tagging: { TagSet: pairs } });
  else if (!isEmpty(prior.tagsAll)) await client.deleteBucketTagging({ Bucket: name });
}

async function bucketState(client: S3, name: string, region: string, planned: Bag): Promise<Bag> {
  const [tagging, versioning, policy, cors, acl] = await Promise.all([
    ifAny(client.getBucketTagging({ Bucket: name })),
    ifAny(client.getBucketVersioning({ Bucket: name })),
    ifAny(client.getBucketPolicy({ Bucket: name })),
    ifAny(client.getBucketCors({ Bucket: name })),
    ifAny(client.getBucketAcl({ Bucket: name })),
  ]);
  const tags = Object.fromEntries((tagging.TagSet ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""]));
  const prefix = planned.bucketPrefix;
  return {
    // What the store cannot be asked for is what AWS itself answers for a bucket that nobody set it on.
    accelerationStatus: "",
    acl: null,
    arn: `arn:aws:s3:::${name}`,
    bucket: name,
    bucketDomainName: `${name}.s3.amazonaws.com`,
    bucketNamespace: planned.bucketNamespace === UNKNOWN ? "global" : (planned.bucketNamespace ?? "global"),
    bucketPrefix: isEmpty(prefix) || prefix === UNKNOWN ? "" : (prefix ?? ""),
    bucketRegion: region,
    bucketRegionalDomainName: `${name}.s3.${region}.amazonaws.com`,
    corsRules: (cors.CORSRules ?? []).map(stateOfRule),
    forceDestroy: planned.forceDestroy ?? false,
    grants: (acl.Grants ?? []).map(({ Grantee, Permission }) => ({
      id: Grantee?.ID ?? "",
      permissions: [Permission ?? ""],
      type: Grantee?.Type ?? "",
      uri: Grantee?.URI ?? "",
    })),
    hostedZoneId: zones[region] ?? "",
    lifecycleRules: [],
    logging: null,
    objectLockConfiguration: null,
    objectLockEnabled: planned.objectLockEnabled === true,
    policy: policy.Policy ?? "",
    region,
    replicationConfiguration: null,
    requestPayer: "BucketOwner",
    serverSideEncryptionConfiguration: {
      rule: {
        applyServerSideEncryptionByDefault: { kmsMasterKeyId: "", sseAlgorithm: "AES256" },
        blockedEncryptionTypes: [],
        bucketKeyEnabled: false,
      },
    },
    tags: isEmpty(tags) && isEmpty(planned.tags) ? (planned.tags ?? null) : tags,
    tagsAll: tags,
    versioning: { enabled: versioning.Status === "Enabled", mfaDelete: versioning.MFADelete === "Enabled" },
    website: null,
    websiteDomain: null,
    websiteEndpoint: null,
  };
}

/** Removes every version of every object, a thousand at a time, which is what one call takes. */
async function empty(client: S3, name: string): Promise<void> {
  for (;;) {
    const page = await client.listObjectVersions({ Bucket: name });
    const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
    if (found.length === 0) return;
    const Objects = found.map(({ Key, VersionId }) => ({ Key: Key ?? "", ...(VersionId ? { VersionId } : {}) }));
    const { Errors } = await client.deleteObjects({ Bucket: name, Delete: { Objects, Quiet: true } });
    // Without this a locked object would keep the loop going for ever.
    const [failed] = Errors ?? [];
    if (failed !== undefined)
      throw new Error(`${failed.Key ?? "an object"} could not be deleted: ${failed.Message ?? ""}`);
  }
}
