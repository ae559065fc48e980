import assert from "node:assert/strict";
import { awsPlugin } from "../../../local/plugins/aws/plugin";
import { serviceConfig } from "../../../local/plugins/aws/store";
import { registryAuth } from "../../../local/plugins/docker/registry-auth";
import { UNKNOWN, type Bag } from "../../../local/plugins/schema";
import { engineFor, type Engine } from "./wire";

describe("the aws plugin on the wire", () => {
  let engine: Engine;
  before(async () => {
    engine = await engineFor(awsPlugin({}));
  });
  after(() => {
    engine.stop();
  });
  const type = "aws:lambda/function:Function";
  const olds = { name: "score", role: "r", publish: true, version: "3", arn: "arn:score", imageUri: "engine:1" };

  it("says in a preview that a function's version will be another, so that its alias is shown to move", async () => {
    const news = { name: "score", role: "r", publish: true, imageUri: "engine:2" };
    const { properties } = await engine.call("Update", { type, id: "score", olds, news, preview: true });
    const { version, arn } = properties as Bag;
    assert.deepEqual([version, arn], [UNKNOWN, "arn:score"]);
  });

  it("replaces a task definition for whatever changes, the new revision first, and not for the order of keys", async () => {
    const revision = "aws:ecs/taskDefinition:TaskDefinition";
    const state = { family: "api", containerDefinitions: '[{"name":"api","image":"engine:1"}]' };
    const ask = (containerDefinitions: string) =>
      engine.call("Diff", { type: revision, id: "api", olds: state, news: { family: "api", containerDefinitions } });
    const same = await ask('[{"image":"engine:1","name":"api"}]');
    assert.equal(same.changes, "DIFF_NONE");
    const other = await ask('[{"name":"api","image":"engine:2"}]');
    assert.deepEqual([other.replaces, other.deleteBeforeReplace ?? false], [["containerDefinitions"], false]);
  });

  it("keeps the value of a secret wrapped, whoever asks", async () => {
    const properties = { secretId: "arn:secret", secretString: "Zebra%42" };
    const version = "aws:secretsmanager/secretVersion:SecretVersion";
    const answer = await engine.call("Create", { type: version, properties, preview: true });
    const { secretString } = answer.properties as Bag;
    assert.equal((secretString as Bag).value, "Zebra%42");
    assert.equal((secretString as Bag)["4dabf18193072939515e22adb298388d"], "1b47061264138c4ac30d75fd1eb44270");
  });
});

describe("the settings of a provider", () => {
  it("name an endpoint for each service, and none for the others", () => {
    const settings = { endpoints: '[{"ecs":"http://127.0.0.1:5000"}]', region: "eu-central-1" };
    assert.equal(serviceConfig(settings, {}, "ecs").endpoint, "http://127.0.0.1:5000");
    assert.equal(serviceConfig(settings, {}, "lambda").endpoint, undefined);
    assert.equal(serviceConfig(settings, { AWS_ENDPOINT_URL_LAMBDA: "http://a" }, "lambda").endpoint, "http://a");
  });

  it("show credentials to the registry that they are for, and to no other", () => {
    const authFor = registryAuth('[{"address":"registry.example.com:5000","username":"u","password":"p"}]');
    const serveraddress = "registry.example.com:5000";
    assert.deepEqual(authFor("registry.example.com:5000/team/api@sha256:a"), {
      username: "u",
      password: "p",
      serveraddress,
    });
    for (const other of ["registry.example.com/team/api", "scoring:v1", "registry.example.com:5000.evil/api"]) {
      assert.equal(authFor(other), undefined, other);
    }
    assert.equal(registryAuth("")("registry.example.com:5000/api"), undefined);
  });
});
