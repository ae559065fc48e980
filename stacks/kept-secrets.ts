import { Secret } from "@pulumi/aws/secretsmanager/secret";
import { SecretVersion } from "@pulumi/aws/secretsmanager/secretVersion";
import * as pulumi from "@pulumi/pulumi";
import type { Loaded } from "../release/config";

/**
 * The secrets that tasks are started with, in Secrets Manager, one for each name of `rewind:secrets` that is used. A task
 * definition is readable by everybody who may describe it, so it only ever says where a secret lies.
 */
export class KeptSecrets extends pulumi.ComponentResource {
  readonly resources: readonly pulumi.CustomResource[];
  private readonly versions: ReadonlyMap<string, SecretVersion>;

  constructor(
    name: string,
    { settings, secrets }: Loaded,
    used: readonly string[],
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("rewind:index:KeptSecrets", name, {}, opts);
    const { environment } = settings;
    const parent = { parent: this };
    const kept = [...new Set(used)].sort().map((key) => {
      const place = new Secret(
        key,
        {
          name: `rewind/${environment.name}/${key}`,
          description: `${key} of the stack ${environment.name}, kept by Rewind`,
          // A name stays taken until its window is over, and a rollback to a release that needs the secret would fail
          // until then. Nothing is lost: the value stands in the stack file.
          recoveryWindowInDays: 0,
          ...(environment.aws?.kmsKey === undefined ? {} : { kmsKeyId: environment.aws.kmsKey }),
        },
        parent,
      );
      const value = new SecretVersion(
        key,
        { secretId: place.arn, secretString: pulumi.secret(secrets[key] ?? "") },
        // Tasks that start meanwhile read the old version by its id.
        { ...parent, deleteBeforeReplace: false },
      );
      return { key, place, value };
    });
    this.versions = new Map(kept.map(({ key, value }) => [key, value]));
    this.resources = kept.flatMap(({ place, value }) => [place, value]);
    this.registerOutputs();
  }

  /**
   * Where a task finds a secret, with the version: another value is another revision of the task definition, so that
   * what runs is started anew.
   */
  whereIs(key: string): pulumi.Output<string> {
    const version = this.versions.get(key);
    if (version === undefined) throw new Error(`the secret ${key} is not kept`);
    return pulumi.interpolate`${version.secretId}:::${version.versionId}`;
  }
}
