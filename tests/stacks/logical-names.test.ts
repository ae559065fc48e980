import assert from "node:assert/strict";
import { valueOfSecret, type StackFile } from "../release/stack-files";
import { declareStack, type DeclaredStack } from "./declared";

const names = ["a", "b", "a-b", "b-c", "c", "read", "grant", "policy", "a-policy", "role", "team", "a-table-app"];
/** A service and a function may not have one name. */
const functions = names.map((name) => `${name}_f`);
const tables = [
  ...names,
  "a.b",
  "a/b",
  "A",
  'a"b',
  "a b",
  "schema",
  "grant-read",
  "in",
  "a-in-b",
  "b-in-c",
  "x",
  "table-app-x",
];
// Not `c-d`, which would make one volume of two entries and is refused.
const volumeNames = ["d", "x-d", "d-x", "a", "a_f"];
const digest = "4f".repeat(32);
const images = ["app", "team-a/app", "team-b/app", "team/a/app", "team-a-app", `app-${digest.slice(0, 12)}`];
const from = <T>(keys: readonly string[], value: (key: string, at: number) => T): Record<string, T> =>
  Object.fromEntries(keys.map((key, at) => [key, value(key, at)]));

/** Buckets, tables, roles and grants of every name. */
function storesOf(environment: Record<string, object>): void {
  const { schema } = environment.database as { schema: string };
  Object.assign(environment.database ?? {}, {
    tables: from(tables, () => ({ key: "key", columns: { key: "text" } })),
    ...{ stamped: undefined, migrations: undefined, functions: undefined },
    roles: from(tables, (name) => ({ memberOf: name === "a" ? ["b-in-c"] : name === "a-in-b" ? ["c", "A"] : [] })),
    grants: from(names, (role) => ({ objectType: "table", role, schema, objects: tables, privileges: ["SELECT"] })),
  });
  Object.assign(environment.objectStore ?? {}, { buckets: from(names, (name) => `bucket-${name}`) });
}

/** Pins one release of all that, and nothing of what the stack file had. */
function pin(config: StackFile, release: object): void {
  config["rewind:verification"] = { checks: {} };
  for (const key of ["pins", "toggles", "archive", "signatures", "onFailure"])
    Reflect.deleteProperty(config, `rewind:${key}`);
  config["rewind:release"] = "1.2.3";
  config["rewind:releases"] = { "1.2.3": { config: from(tables, () => ({ rows: [{ key: "a" }] })), ...release } };
}

const imageOf = (_: string, at: number) => ({ image: `${images[at % images.length] ?? ""}@sha256:${digest}` });
const healthcheck = { command: ["true"] };

function assertApart({ declared }: DeclaredStack, atLeast: Readonly<Record<string, number>>): void {
  const count = (type: string) => declared.filter((each) => each.startsWith(`${type} `)).length;
  for (const [type, least] of Object.entries(atLeast)) assert.ok(count(type) >= least, `${type}: ${count(type)}`);
  assert.deepEqual(
    declared.filter((each, at) => declared.indexOf(each) !== at),
    [],
  );
}

describe("the resources of a stack", () => {
  it("have a logical name each on one host, whatever its entries are called", async () => {
    const stack = await declareStack("local", (config) => {
      const environment = config["rewind:environment"] as Record<string, object>;
      storesOf(environment);
      const volumes = from(volumeNames, (name) => `/${name}`);
      Object.assign(environment, {
        services: from(names, () => ({ memory: 64, port: 80, healthcheck, volumes })),
        functions: from(functions, () => ({ memory: 64, port: 80, healthcheck, volumes })),
        routes: from([...names, ...functions], (name, at) => ({
          ...{
            to: name.endsWith("_f") ? `functions/${name}` : `services/${name}`,
            paths: [`/v${at}/*`],
            smoke: [{ path: `/v${at}/health` }],
          },
        })),
        frontends: from(names, (name) => ({
          bucket: `pages-${name}`,
          url: `http://${name}.example.com`,
          route: { hosts: [`${name}.example.com`] },
        })),
        jobs: from(names, (name) => ({ url: "cache-url", queues: [name] })),
        caches: from(names, (name) => ({ url: "cache-url", keys: [`${name}:*`] })),
        toggles: [],
      });
      pin(config, {
        services: from(names, imageOf),
        functions: from(functions, imageOf),
        frontend: from(names, () => ({ build: `sha256:${digest}` })),
      });
    });
    assertApart(stack, {
      "docker:index/container:Container": 2 * names.length,
      "docker:index/volume:Volume": 2 * names.length * volumeNames.length,
      "pulumi-nodejs:dynamic/rewind:Route": 2 * names.length,
      "pulumi-nodejs:dynamic/rewind:FrontendRoute": names.length,
      "pulumi-nodejs:dynamic/rewind:JobCancelling": names.length,
    });
    // Rights of one name would be taken for one right.
    const rights = [...stack.resources.values()].flatMap(({ type, inputs }) => {
      const {
        role,
        objectType,
        objects = [],
      } = inputs as Record<"role" | "objectType", string> & { objects?: string[] };
      return type === "postgresql:index/grant:Grant" && objectType === "table"
        ? [JSON.stringify([role, ...objects])]
        : [];
    });
    const wanted = names.flatMap((role) => tables.map((table) => JSON.stringify([role, table])));
    for (const right of wanted) assert.ok(rights.includes(right), right);
  });

  it("have a logical name each on AWS, whatever its entries and secrets are called", async () => {
    const secrets = from(names, valueOfSecret);
    const stack = await declareStack("prod", (config) => {
      const environment = config["rewind:environment"] as Record<string, object>;
      storesOf(environment);
      const url = "https://x.example.com";
      const { distribution } = (environment.frontends as Record<string, { distribution: object }>).web!;
      const variables = from(
        names.map((name) => `S_${name.replaceAll("-", "_").toUpperCase()}`),
        (_, at) => names[at] ?? "",
      );
      Object.assign(config["rewind:secrets"] as object, secrets);
      Object.assign(environment, {
        services: from(names, () => ({ memory: 512, port: 80, url, healthcheck, secrets: variables })),
        functions: from(functions, () => ({ memory: 512, url, secrets: variables })),
        frontends: from(names, (name) => ({ bucket: `pages-${name}`, url, distribution })),
        toggles: [],
      });
      pin(config, {
        services: from(names, imageOf),
        functions: from(functions, imageOf),
        frontend: from(names, () => ({ build: `sha256:${digest}` })),
      });
    });
    assertApart(stack, {
      "aws:ecs/service:Service": names.length,
      "aws:ecs/taskDefinition:TaskDefinition": names.length,
      "aws:lambda/function:Function": names.length,
      "aws:lambda/alias:Alias": names.length,
      "aws:secretsmanager/secret:Secret": names.length,
      "aws:secretsmanager/secretVersion:SecretVersion": names.length,
      "aws:cloudfront/keyvaluestoreKey:KeyvaluestoreKey": names.length,
    });
  });
});
