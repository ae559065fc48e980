import { block, blockSet, flag, list, map, number, set, text, type Fields, type Shape } from "../schema";

const label: Fields = { label: text({ required: true }), value: text({ required: true }) };
const policy: Fields = {
  delay: text({ fallback: "0s" }),
  failureAction: text({ fallback: "pause" }),
  maxFailureRatio: text({ fallback: "0.0" }),
  monitor: text({ fallback: "5s" }),
  order: text({ fallback: "stop-first" }),
  parallelism: number({ fallback: 1 }),
};
const file: Fields = { fileGid: text(), fileMode: number(), fileName: text({ required: true }), fileUid: text() };

const containerSpec: Fields = {
  args: list(),
  capAdds: list({ upstream: "cap_add" }),
  capDrops: list({ upstream: "cap_drop" }),
  commands: list({ upstream: "command" }),
  configs: blockSet({ configId: text({ required: true }), configName: text(), ...file }),
  dir: text(),
  dnsConfig: block(
    { nameservers: list(), options: list(), searches: list({ upstream: "search" }) },
    { computed: true },
  ),
  env: map(),
  groups: list(),
  healthcheck: block(
    {
      interval: text({ fallback: "0s" }),
      retries: number({ fallback: 0 }),
      startPeriod: text({ fallback: "0s" }),
      tests: list({ required: true, upstream: "test" }),
      timeout: text({ fallback: "0s" }),
    },
    { computed: true },
  ),
  hostname: text(),
  hosts: blockSet({ host: text({ required: true }), ip: text({ required: true }) }, { immutable: true }),
  image: text({ required: true }),
  init: flag(),
  isolation: text({ fallback: "default" }),
  labels: blockSet(label, { immutable: true }),
  mounts: blockSet({
    readOnly: flag(),
    source: text(),
    target: text({ required: true }),
    type: text({ required: true }),
  }),
  privileges: block({}),
  readOnly: flag(),
  secrets: blockSet({ secretId: text({ required: true }), secretName: text(), ...file }),
  stopGracePeriod: text({ computed: true }),
  stopSignal: text(),
  sysctl: map({ announced: true, immutable: true }),
  user: text(),
};

const taskSpec: Fields = {
  containerSpec: block(containerSpec, { required: true }),
  forceUpdate: number({ computed: true }),
  logDriver: block({ name: text({ required: true }), options: map() }),
  networksAdvanceds: blockSet(
    { aliases: set(), driverOpts: set(), name: text({ required: true }) },
    { upstream: "networks_advanced", immutable: true },
  ),
  placement: block(
    {
      constraints: set(),
      maxReplicas: number(),
      platforms: blockSet({ architecture: text({ required: true }), os: text({ required: true }) }),
      prefs: set(),
    },
    { computed: true },
  ),
  resources: block(
    {
      limits: block({ memoryBytes: number(), nanoCpus: number() }),
      reservation: block({ memoryBytes: number(), nanoCpus: number() }),
    },
    { computed: true },
  ),
  restartPolicy: block(
    { condition: text({ fallback: "any" }), delay: text(), maxAttempts: number(), window: text() },
    { computed: true },
  ),
  runtime: text({ computed: true }),
};

/**
 * Services of a swarm. What a release changes (image, variables, health check, replicas, the service's own labels) changes
 * in place; labels, hosts, kernel settings and networks of its containers replace it.
 */
export const service: Shape = {
  version: 2,
  fields: {
    auth: block(
      { password: text({ secret: true }), serverAddress: text({ required: true }), username: text() },
      {
        immutable: true,
      },
    ),
    convergeConfig: block({ delay: text({ fallback: "7s" }), timeout: text({ fallback: "3m" }) }),
    endpointSpec: block(
      {
        mode: text({ computed: true }),
        ports: blockSet({
          name: text(),
          protocol: text({ fallback: "tcp" }),
          publishMode: text({ fallback: "ingress" }),
          publishedPort: number({ computed: true }),
          targetPort: number({ required: true }),
        }),
      },
      { computed: true },
    ),
    labels: blockSet(label, { computed: true }),
    mode: block(
      { global: flag({ immutable: true }), replicated: block({ replicas: number({ fallback: 1 }) }) },
      { computed: true, stable: true },
    ),
    name: text({ required: true, autoname: { maximum: 255 }, immutable: true }),
    rollbackConfig: block(policy),
    taskSpec: block(taskSpec, { required: true }),
    updateConfig: block(policy),
  },
};
