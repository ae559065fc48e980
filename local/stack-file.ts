import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument, type Document } from "yaml";
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
  const file = join(checkout, `Pulumi.${stack}.yaml`);
  const made = join(environment.folder, "stack.json");
  const remembered = readJson(made) as Made | undefined;
  const known: Made = remembered ?? { rolePassword: newSecret(), apiToken: newSecret() };
  writeJson(made, known);

  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  const example = readFileSync(join(checkout, "examples", "scoring", "Pulumi.local.yaml"), "utf8");
  const document = parseDocument(before || example);
  if (remembered === undefined) {
    // A file that outlived a purged environment: nobody has the passphrase to its secrets any more.
    document.delete("encryptionsalt");
    document.deleteIn(["config", "rewind:secrets"]);
  }
  fillIn(document, environment, images);
  const applicationKey = environment.objectStore.application.accessKey;
  if (known.applicationKey !== applicationKey || before === "") {
    document.setIn(["config", "rewind:environment", "objectStore", "principals", "application"], applicationKey);
  }
  fillInFrontend(document, environment, builds);
  const text = document.toString({ lineWidth: 0 });
  if (text !== before) writeWhole(file, text);

  const env = { ...process.env, ...variables };
  const pulumi = (args: string[], input = "") =>
    run(environment.pulumi.bin, [...args, "--non-interactive"], { cwd: checkout, env, input });
  const state = join(environment.folder, "pulumi", "state", ".pulumi", "stacks", "rewind", `${stack}.json`);
  if (!existsSync(state)) await pulumi(["stack", "select", "--create", stack]);

  const secrets = JSON.stringify(secretsOf(environment, known));
  const digest = createHash("sha256").update(secrets).digest("hex");
  if (known.secrets !== digest || document.getIn(["config", "rewind:secrets"]) === undefined) {
    // By standard input: a process's arguments can be read by everyone on the machine.
    await pulumi(["config", "set", "--stack", stack, "--secret", "secrets"], secrets);
  }
  writeJson(made, { ...known, applicationKey, secrets: digest });
  return file;
}

function fillIn(document: Document, environment: LocalEnvironment, images: Images): void {
  const { docker, registry, postgres, objectStore, proxy, id } = environment;
  const set = (path: string[], value: unknown): void => {
    if (document.getIn(["config", ...path]) !== value) document.setIn(["config", ...path], value);
  };
  const at = "rewind:environment";
  // Two clones may share one Docker engine, where names are the machine's.
  set([at, "name"], `local-${id}`);
  set([at, "registry"], registry.address);
  set([at, "docker", "host"], docker.host);
  set([at, "database", "host"], postgres.host);
  set([at, "database", "port"], postgres.port);
  set([at, "database", "administrator", "user"], postgres.user);
  for (const [name, value] of Object.entries(postgres.recovery ?? {})) set([at, "database", "recovery", name], value);
  if (postgres.recovery === undefined) document.deleteIn(["config", at, "database", "recovery"]);
  set([at, "proxy", "admin"], proxy.admin);
  set([at, "proxy", "url"], proxy.url);
  set([at, "objectStore", "endpoint"], objectStore.endpoint);
  set([at, "objectStore", "region"], objectStore.region);
  set([at, "services", "api", "variables", "S3_ENDPOINT"], objectStore.containerEndpoint);
  set([at, "services", "api", "variables", "S3_REGION"], objectStore.region);
  for (const [version, image] of Object.entries(images)) {
    for (const facet of ["services", "functions"]) {
      const entries = document.getIn(["config", "rewind:releases", version, facet]);
      for (const name of Object.keys((entries as { toJSON(): object } | undefined)?.toJSON() ?? {})) {
        set(["rewind:releases", version, facet, name, "image"], image.replace("@", `:${version}@`));
      }
    }
  }
}

/** Builds by digest, and the proxy that serves them; as far as the file has a frontend. */
function fillInFrontend(document: Document, { proxy }: LocalEnvironment, builds: Builds | undefined): void {
  const place = ["config", "rewind:environment", "frontends"];
  const releases = document.getIn(["config", "rewind:releases"]) as { toJSON(): Record<string, object> } | undefined;
  for (const version of Object.keys(releases?.toJSON() ?? {})) {
    const facet = ["config", "rewind:releases", version, "frontend"];
    const build = builds?.[version as keyof Builds];
    if (builds === undefined) document.deleteIn(facet);
    else if (build !== undefined && document.hasIn([...facet, "web"]))
      document.setIn([...facet, "web", "build"], build);
  }
  if (builds !== undefined) {
    if (document.hasIn([...place, "web"])) document.setIn([...place, "web", "url"], proxy.url);
    return;
  }
  document.deleteIn(place);
  document.deleteIn(["config", "rewind:verification", "checks", "pages"]);
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
