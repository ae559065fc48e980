import { block, blockSet, flag, list, map, number, set, text, type Bag, type Shape, type Value } from "../schema";

const region = text({ computed: true, immutable: true });
const once = { immutable: true } as const;
const only = { output: true } as const;
const tags = { tags: map(), tagsAll: map({ derived: true }) };

/** `tags` with those of the provider, as every resource of the vendor's has them. */
const withTags =
  (defaultTags: () => Bag) =>
  (inputs: Bag): Bag => {
    const all = { ...defaultTags(), ...(inputs.tags as Bag | undefined) };
    return Object.keys(all).length > 0 ? { ...inputs, tags: all, tagsAll: all } : inputs;
  };

/** A secret's place: its value is a resource of its own. */
export const secretShape = (defaultTags: () => Bag): Shape => ({
  fields: {
    arn: text(only),
    description: text(),
    forceOverwriteReplicaSecret: flag({ fallback: false, listed: true }),
    kmsKeyId: text(),
    name: text({ autoname: { maximum: 512 }, computed: true, immutable: true }),
    namePrefix: text({ computed: true, immutable: true }),
    policy: text({ computed: true }),
    recoveryWindowInDays: number({ fallback: 30 }),
    region,
    ...tags,
  },
  derive: withTags(defaultTags),
});

/** One value of a secret; another value is another version. */
export const secretVersionShape: Shape = {
  fields: {
    arn: text(only),
    region,
    secretArn: text(only),
    secretId: text({ required: true, immutable: true }),
    secretString: text({ immutable: true, secret: true }),
    versionId: text(only),
    versionStages: set({ computed: true }),
  },
};

/** A revision of a task definition. Revisions never change: every difference is another revision. */
export const taskDefinitionShape = (defaultTags: () => Bag): Shape => ({
  fields: {
    arn: text(only),
    arnWithoutRevision: text(only),
    containerDefinitions: text({ required: true, immutable: true, json: true, same: sameJson }),
    cpu: text(once),
    executionRoleArn: text(once),
    family: text({ required: true, immutable: true }),
    memory: text(once),
    networkMode: text({ computed: true, immutable: true }),
    region,
    requiresCompatibilities: set(once),
    revision: number(only),
    runtimePlatform: block({ cpuArchitecture: text(), operatingSystemFamily: text() }, once),
    skipDestroy: flag({ fallback: false, listed: true }),
    taskRoleArn: text(once),
    trackLatest: flag({ fallback: false, listed: true }),
    ...tags,
  },
  derive: withTags(defaultTags),
});

/** A service that keeps a number of tasks running. */
export const serviceShape = (defaultTags: () => Bag): Shape => ({
  timeouts: { create: 1200, delete: 1200, update: 1200 },
  fields: {
    arn: text(only),
    cluster: text({ computed: true, immutable: true }),
    deploymentCircuitBreaker: block({ enable: flag({ required: true }), rollback: flag({ required: true }) }),
    deploymentMaximumPercent: number({ fallback: 200 }),
    deploymentMinimumHealthyPercent: number({ fallback: 100 }),
    desiredCount: number(),
    enableEcsManagedTags: flag({ fallback: false, listed: true }),
    healthCheckGracePeriodSeconds: number(),
    launchType: text({ computed: true, immutable: true }),
    loadBalancers: blockSet(
      { containerName: text({ required: true }), containerPort: number({ required: true }), targetGroupArn: text() },
      { upstream: "load_balancer" },
    ),
    name: text({ autoname: { maximum: 255 }, computed: true, immutable: true }),
    networkConfiguration: block({
      assignPublicIp: flag({ fallback: false }),
      securityGroups: set(),
      subnets: set({ required: true }),
    }),
    platformVersion: text({ computed: true }),
    propagateTags: text(),
    region,
    taskDefinition: text(),
    waitForSteadyState: flag({ fallback: false, listed: true }),
    ...tags,
  },
  derive: withTags(defaultTags),
});

/** A function and its published versions. */
export const functionShape = (defaultTags: () => Bag): Shape => ({
  timeouts: { create: 600, delete: 600, update: 600 },
  // Every update publishes a version, so a preview cannot know its number.
  renewed: ["version", "qualifiedArn", "qualifiedInvokeArn", "lastModified", "codeSha256"],
  fields: {
    architectures: list({ computed: true }),
    arn: text(only),
    codeSha256: text({ computed: true }),
    description: text(),
    environment: block({ variables: map() }),
    handler: text(),
    imageConfig: block({ commands: list(), entryPoints: list(), workingDirectory: text() }),
    imageUri: text(),
    invokeArn: text(only),
    kmsKeyArn: text(),
    lastModified: text(only),
    memorySize: number({ fallback: 128 }),
    name: text({ autoname: { maximum: 64 }, computed: true, immutable: true }),
    packageType: text({ fallback: "Zip", immutable: true }),
    publish: flag({ fallback: false, listed: true }),
    qualifiedArn: text(only),
    qualifiedInvokeArn: text(only),
    region,
    role: text({ required: true }),
    runtime: text(),
    s3Bucket: text(),
    s3Key: text(),
    skipDestroy: flag({ fallback: false, listed: true }),
    sourceCodeHash: text({ computed: true }),
    sourceCodeSize: number(only),
    timeout: number({ fallback: 3 }),
    version: text(only),
    vpcConfig: block({ securityGroupIds: set({ required: true }), subnetIds: set({ required: true }) }),
    ...tags,
  },
  derive: withTags(defaultTags),
});

/** A name for one version of a function. */
export const aliasShape: Shape = {
  fields: {
    arn: text(only),
    description: text(),
    functionName: text({ required: true, immutable: true }),
    functionVersion: text({ required: true }),
    invokeArn: text(only),
    name: text({ autoname: {}, computed: true, immutable: true }),
    region,
    routingConfig: block({ additionalVersionWeights: map() }),
  },
};

/** Whether two JSON texts hold the same; the order of keys makes no difference. */
function sameJson(old: Value, wanted: Value): boolean {
  if (typeof old !== "string" || typeof wanted !== "string") return old === wanted;
  try {
    return JSON.stringify(sorted(JSON.parse(old))) === JSON.stringify(sorted(JSON.parse(wanted)));
  } catch {
    return old === wanted;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
