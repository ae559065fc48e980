import { Alias } from "@pulumi/aws/lambda/alias";
import { Function as LambdaFunction } from "@pulumi/aws/lambda/function";
import * as pulumi from "@pulumi/pulumi";
import { digestOf } from "../release/canonical";
import type { Loaded } from "../release/config";
import { fullImage } from "../release/images";
import { bundleKey, sourceCodeHash } from "../release/bundles";
import type { Pinned } from "../release/pinned";
import { milliseconds } from "../release/primitives";
import { liveAlias, nameOnAws } from "../release/runtime";
import type { Environment } from "../release/schema/environment";
import { variablesFor } from "../release/variables";

type Pin = Pinned["facets"]["functions"][string];

/**
 * The functions of a stack on AWS Lambda. Every change publishes a version that never changes again, and the alias
 * `live`, which is what callers name, moves to it: each function alone, or all of them with one pin.
 */
export class LambdaFunctions extends pulumi.ComponentResource {
  readonly resources: readonly pulumi.CustomResource[];

  constructor(
    name: string,
    loaded: Loaded,
    dependsOn: readonly pulumi.Resource[],
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("rewind:index:LambdaFunctions", name, {}, opts);
    const { environment, pinned } = loaded.settings;
    this.resources = Object.entries(pinned.facets.functions).flatMap(([entry, pin]) => {
      const args = functionArgs(loaded, entry, pin);
      const code = new LambdaFunction(entry, args, { parent: this, dependsOn: [...dependsOn] });
      const alias = new Alias(
        entry,
        {
          name: liveAlias,
          functionName: nameOnAws(environment, entry),
          functionVersion: code.version,
          description: `what the pin of ${environment.name} runs`,
        },
        { parent: this, dependsOn: [code] },
      );
      return [code, alias];
    });
    this.registerOutputs();
  }
}

function functionArgs(loaded: Loaded, entry: string, pin: Pin): ConstructorParameters<typeof LambdaFunction>[1] {
  const { settings } = loaded;
  const { environment, pinned } = settings;
  const { lambda, aws } = environment;
  const workload = environment.functions?.[entry];
  if (lambda === undefined || workload === undefined) throw new Error(`the environment has no functions/${entry}`);
  const path = `functions/${entry}`;
  const release = pinned.sources[path] ?? pinned.release;
  const { subnets, securityGroups } = lambda;
  return {
    name: nameOnAws(environment, entry),
    description: `${path} of ${release}`,
    ...codeOf(environment, pin, workload.command),
    role: lambda.role,
    publish: true,
    architectures: [lambda.architecture ?? "x86_64"],
    memorySize: workload.memory,
    timeout: milliseconds(workload.executionTimeout ?? "30s") / 1_000,
    environment: { variables: variables(loaded, path, pin, workload) },
    ...(aws?.kmsKey === undefined ? {} : { kmsKeyArn: aws.kmsKey }),
    ...(subnets === undefined || securityGroups === undefined
      ? {}
      : { vpcConfig: { subnetIds: subnets, securityGroupIds: securityGroups } }),
    tags: { "rewind.stack": environment.name, "rewind.entry": path, "rewind.digest": digestOf(pin) },
  };
}

function codeOf(environment: Environment, { image, bundle, handler, runtime }: Pin, command: string[] | undefined) {
  if (bundle !== undefined) {
    return {
      packageType: "Zip",
      s3Bucket: environment.lambda?.bundles ?? "",
      s3Key: bundleKey(bundle),
      sourceCodeHash: sourceCodeHash(bundle),
      handler: handler ?? "",
      runtime: runtime ?? "",
    };
  }
  return {
    packageType: "Image",
    imageUri: fullImage(environment.registry, image ?? ""),
    ...(command === undefined ? {} : { imageConfig: { commands: command } }),
  };
}

/**
 * Lambda has no reference to a secret, so the values stand in the function's variables, which AWS encrypts with the
 * environment's key; in the state of the engine they are secrets.
 */
function variables(
  { settings, secrets }: Loaded,
  path: string,
  pin: Pin,
  workload: Parameters<typeof variablesFor>[3],
): pulumi.Input<Record<string, string>> {
  const { plain, secret } = variablesFor(settings, path, pin, workload);
  const values = Object.entries(secret).map(([name, key]) => [name, secrets[key] ?? ""] as const);
  return values.length === 0 ? { ...plain } : pulumi.secret({ ...plain, ...Object.fromEntries(values) });
}
