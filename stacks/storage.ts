import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import { canonicalJson } from "../release/canonical";
import { isProtected } from "../release/holdings";
import { storedPolicy } from "../release/policy";
import type { Loaded } from "../release/config";
import { settingsOnAws } from "./storage-aws";
import { kept } from "./protection";

/** The buckets that the release pins: policy, versioning, CORS, ownership and tags. Their objects are the customers'. */
export class Storage extends pulumi.ComponentResource {
  readonly resources: readonly pulumi.CustomResource[];

  constructor(name: string, { settings }: Loaded, opts?: pulumi.ComponentResourceOptions) {
    super("rewind:index:Storage", name, {}, opts);
    const { environment, pinned } = settings;
    const { objectStore } = environment;
    if (objectStore === undefined) throw new Error("the environment has no object store");
    const parent = { parent: this };
    // What is in a bucket outlives releases: one that the pinned release does not name stays, without a policy.
    const unnamed = Object.entries(objectStore.buckets)
      .filter(([entry]) => !Object.hasOwn(pinned.facets.storage, entry))
      .map(([entry, bucket]) => {
        const options = { ...parent, ...kept(settings, `storage/${entry}`) };
        return new s3.Bucket(entry, { bucket, forceDestroy: !isProtected(environment) }, options);
      });
    const named = Object.entries(pinned.facets.storage).flatMap(([entry, pin]) => {
      const named = objectStore.buckets[entry];
      if (named === undefined) return [];
      const bucket = new s3.Bucket(
        entry,
        {
          bucket: named,
          forceDestroy: !isProtected(environment),
          ...(pin.tags === undefined ? {} : { tags: pin.tags }),
        },
        { ...parent, ...kept(settings, `storage/${entry}`) },
      );
      const ownership = new s3.BucketOwnershipControls(
        entry,
        { bucket: bucket.bucket, rule: { objectOwnership: pin.ownership ?? "BucketOwnerEnforced" } },
        parent,
      );
      const versioning = new s3.BucketVersioning(
        entry,
        {
          bucket: bucket.bucket,
          versioningConfiguration: { status: pin.versioning === true ? "Enabled" : "Suspended" },
        },
        parent,
      );
      const onAws = settingsOnAws(environment, entry, pin, bucket.bucket, { ...parent, dependsOn: [versioning] });
      const policy = new s3.BucketPolicy(
        entry,
        {
          bucket: bucket.bucket,
          policy: canonicalJson(storedPolicy(pin, named, objectStore)),
        },
        // A policy that names ownership's effects is refused before ownership is what it says.
        { ...parent, dependsOn: [ownership, ...onAws] },
      );
      const cors = pin.cors?.map(({ origins, methods, headers, expose, maxAge }) => ({
        allowedOrigins: origins,
        allowedMethods: methods,
        ...(headers === undefined ? {} : { allowedHeaders: headers }),
        ...(expose === undefined ? {} : { exposeHeaders: expose }),
        ...(maxAge === undefined ? {} : { maxAgeSeconds: maxAge }),
      }));
      const others =
        cors === undefined
          ? []
          : [new s3.BucketCorsConfiguration(entry, { bucket: bucket.bucket, corsRules: cors }, parent)];
      return [bucket, ownership, versioning, ...onAws, policy, ...others];
    });
    this.resources = [...unnamed, ...named];
    this.registerOutputs();
  }
}
