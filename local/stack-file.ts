import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { projectIn, stackFileOf } from "../project/project";
import { withEdits, type StackEdit } from "../project/stack-edit";
import { readYaml } from "../project/yaml";
import type { LocalEnvironment } from "./environment";
import type { Builds } from "./frontend";
import type { Images } from "./images";
import { run } from "./run";
import { newSecret, readJson, writeJson, writeWhole } from "./state";

/** What the stack file was last made from. */
interface Made {
  readonly rolePassword: string;
  readonly apiToken: string;
  /** SHA-256 of the secrets that the stack file holds encrypted. */
  readonly secrets?: string;
  /** The application's access key as the stack file got it; one that was rotated since is the user's. */
  readonly applicationKey?: string;
}

const database = "scoring";
const role = "scoring_app";

/**
 * Makes `Pulumi.<stack>.yaml` from the example when it is missing, and keeps it true to the environment: addresses,
 * digests of the images, secrets. Everything else in it, the pin first of all, is the user's and stays.
 *
 * @param variables the environment of `pulumi`, from `environmentVariables`
 * @param builds of the example's frontend; without them the frontend is left out of the file
 */
export async function writeStackFile(
  checkout: string,
  environment: LocalEnvironment,
  images: Images,
  variables: Record<string, string>,
  stack = "local",
  builds?: Builds,
): Promise<string> {
  const file = stackFileOf(projectIn(checkout), stack);
  const made = join(environment.folder, "stack.json");
  const remembered = readJson(made) as Made | undefined;
  const known: Made = remembered ?? { rolePassword: newSecret(), apiToken: newSecret() };
  writeJson(made, known);

  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  const template = before || readFileSync(join(checkout, "examples", "scoring", "Pulumi.local.yaml"), "utf8");
  // A file that outlived a purged environment: nobody has the passphrase to its secrets any more.
  const kept = remembered === undefined ? withoutSecrets(template) : template;
  const applicationKey = environment.objectStore.application.accessKey;
  const isNewKey = known.applicationKey !== applicationKey || before === "";
  const text = withEdits(kept, [
    ...editsFor(configOf(kept), environment, images),
    ...(isNewKey ? [edit([at, "objectStore", "principals", "application"], applicationKey)] : []),
    ...frontendEdits(configOf(kept), environment, builds),
  ]);
  if (text !== before) writeWhole(existsSync(file) ? realpathSync(file) : file, text, modeOf(file));

  const env = { ...process.env, ...variables };
  const pulumi = (args: string[], input = "") =>
    run(environment.pulumi.bin, [...args, "--non-interactive"], { cwd: checkout, env, input });
  const state = join(environment.folder, "pulumi", "state", ".pulumi", "stacks", "rewind", `${stack}.json`);
  if (!existsSync(state)) await pulumi(["stack", "select", "--create", stack]);

  const secrets = JSON.stringify(secretsOf(environment, known));
  const digest = createHash("sha256").update(secrets).digest("hex");
  if (known.secrets !== digest || configOf(text)["rewind:secrets"] === undefined) {
    // By standard input: a process's arguments can be read by everyone on the machine.
    await pulumi(["config", "set", "--stack", stack, "--secret", "secrets"], secrets);
  }
  writeJson(made, { ...known, applicationKey, secrets: digest });
  return file;
}

/** The environment's place in a stack file. */
const at = "rewind:environment";

/** What of a stack file's configuration is asked here; anything may be missing. */
interface Config {
  readonly "rewind:releases"?: Readonly<Record<string, Readonly<Record<string, object | undefined>>>>;
  readonly "rewind:environment"?: { readonly frontends?: { readonly web?: object } };
  readonly "rewind:secrets"?: unknown;
}

const configOf = (text: string): Config => ((readYaml(text).value ?? {}) as { config?: Config }).config ?? {};

const edit = (path: readonly [string, ...string[]], value: unknown): StackEdit => ({ path, value });

const withoutSecrets = (text: string): string =>
  withEdits(text.replace(/^encryptionsalt:.*(?:\r?\n|$)/m, ""), [edit(["rewind:secrets"], undefined)]);

/** A stack file that is there keeps who may read it. */
const modeOf = (file: string): number => (existsSync(file) ? statSync(file).mode & 0o777 : 0o600);

function editsFor(config: Config, environment: LocalEnvironment, images: Images): StackEdit[] {
  const { docker, registry, postgres, objectStore, proxy, id } = environment;
  const edits = [
    // Two clones may share one Docker engine, where names are the machine's.
    edit([at, "name"], `local-${id}`),
    edit([at, "registry"], registry.address),
    edit([at, "docker", "host"], docker.host),
    edit([at, "database", "host"], postgres.host),
    edit([at, "database", "port"], postgres.port),
    edit([at, "database", "administrator", "user"], postgres.user),
    ...Object.entries(postgres.recovery ?? {}).map(([name, value]) => edit([at, "database", "recovery", name], value)),
    ...(postgres.recovery === undefined ? [edit([at, "database", "recovery"], undefined)] : []),
    edit([at, "proxy", "admin"], proxy.admin),
    edit([at, "proxy", "url"], proxy.url),
    edit([at, "objectStore", "endpoint"], objectStore.endpoint),
    edit([at, "objectStore", "region"], objectStore.region),
    edit([at, "services", "api", "variables", "S3_ENDPOINT"], objectStore.containerEndpoint),
    edit([at, "services", "api", "variables", "S3_REGION"], objectStore.region),
  ];
  for (const [version, image] of Object.entries(images)) {
    for (const facet of ["services", "functions"]) {
      for (const name of Object.keys(config["rewind:releases"]?.[version]?.[facet] ?? {})) {
        edits.push(edit(["rewind:releases", version, facet, name, "image"], image.replace("@", `:${version}@`)));
      }
    }
  }
  return edits;
}

/** Builds by digest, and the proxy that serves them; as far as the file has a frontend. */
function frontendEdits(config: Config, { proxy }: LocalEnvironment, builds: Builds | undefined): StackEdit[] {
  const frontends = Object.entries(config["rewind:releases"] ?? {}).flatMap(([version, { frontend }]) => {
    const place = ["rewind:releases", version, "frontend"] as const;
    if (builds === undefined) return [edit(place, undefined)];
    const build = builds[version as keyof Builds];
    return (build as string | undefined) === undefined || !Object.hasOwn(frontend ?? {}, "web")
      ? []
      : [edit([...place, "web", "build"], build)];
  });
  const web = config["rewind:environment"]?.frontends?.web;
  if (builds !== undefined) {
    return [...frontends, ...(web === undefined ? [] : [edit([at, "frontends", "web", "url"], proxy.url)])];
  }
  return [
    ...frontends,
    edit([at, "frontends"], undefined),
    edit(["rewind:verification", "checks", "pages"], undefined),
  ];
}

function secretsOf(environment: LocalEnvironment, { rolePassword, apiToken }: Made): Record<string, string> {
  const { docker, postgres, objectStore, redis } = environment;
  return {
    "database-administrator-password": postgres.password,
    "database-role-password": rolePassword,
    "database-url": `postgres://${role}:${rolePassword}@${docker.gateway}:${postgres.port}/${database}`,
    "cache-url": `redis://:${redis.password}@${redis.host}:${redis.port}`,
    "redis-url": `redis://:${redis.password}@${docker.gateway}:${redis.port}`,
    "api-token": apiToken,
    "store-access-key": objectStore.accessKey,
    "store-secret-key": objectStore.secretKey,
    "application-access-key": objectStore.application.accessKey,
    "application-secret-key": objectStore.application.secretKey,
    "stranger-access-key": objectStore.foreign.accessKey,
    "stranger-secret-key": objectStore.foreign.secretKey,
  };
}
