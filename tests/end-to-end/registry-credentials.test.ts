import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { openAws } from "../../checks/aws-clients";
import { measureImage } from "../../checks/images";
import { engineAuth, registryAuthorization } from "../../checks/registry-credentials";
import { fixtureFor, stack as stackName, stackFileOf, type Fixture } from "./fixture";
import { run } from "../../local/run";
import { environmentVariables } from "../../local/variables";
import { checkout } from "./local-home";
import { startGuardedRegistry, type GuardedRegistry } from "./guarded-registry";

describe("a registry that asks who pulls", () => {
  let stack: Fixture;
  let guarded: GuardedRegistry;
  /** `scoring@sha256:…` of the releases, which is in the guarded registry, too. */
  let images: string[];
  let stop: GuardedRegistry["stop"] | undefined;
  let original: string | undefined;

  const environment = (password = "registry-password") => ({
    registry: guarded.address,
    registryCredentials: { user: guarded.user, password },
  });
  const secret = (name: string) => (name === "registry-password" ? guarded.password : "not the password");
  const auth = (password?: string) => engineAuth(environment(password), secret);

  before(async function () {
    stack = await fixtureFor(this);
    guarded = await startGuardedRegistry(this);
    stop = guarded.stop;
    original = readFileSync(stack.stackFile, "utf8");
    const { config } = stackFileOf(stack) as { config: Record<string, Record<string, { services: object }>> };
    images = ["v1.2.0", "v1.2.1"].map((release) => {
      const { api } = config["rewind:releases"]![release]!.services as { api: { image: string } };
      return api.image;
    });
    for (const image of images) await copy(image);
  });

  after(async () => {
    if (original !== undefined) writeFileSync(stack.stackFile, original);
    await stop?.();
  });

  /** Puts an image of the stack's own registry into the guarded one, by way of the engine. */
  async function copy(image: string): Promise<void> {
    const [name = "", digest = ""] = image.split("@");
    const [repo = "", tag = ""] = name.split(":");
    const source = `${stack.environment.registry.address}/${repo}@${digest}`;
    await finished(await stack.docker.pull(source));
    const local = stack.docker.getImage(source);
    await local.tag({ repo: `${guarded.address}/${repo}`, tag });
    const target = stack.docker.getImage(`${guarded.address}/${repo}:${tag}`);
    await finished(await target.push({ authconfig: auth() }));
    // The engine must have no image by that name, or it would not ask the registry.
    await target.remove();
  }

  const finished = (progress: NodeJS.ReadableStream): Promise<void> =>
    new Promise((resolve, reject) => {
      stack.docker.modem.followProgress(progress, (error: Error | null, events: { error?: string }[]) => {
        const failed = error?.message ?? events.find(({ error }) => error !== undefined)?.error;
        if (failed === undefined) resolve();
        else reject(new Error(failed));
      });
    });

  /** Puts the registry's password among the stack's secrets; by standard input, as every secret. */
  async function keepPassword(password: string): Promise<void> {
    const { stdout } = await stack.pulumi(["config", "get", "secrets"]);
    const secrets = { ...(JSON.parse(stdout) as Record<string, string>), "registry-password": password };
    const { bin } = stack.environment.pulumi;
    const env = { ...process.env, ...environmentVariables(stack.environment, checkout) };
    const words = ["config", "set", "--stack", stackName, "--secret", "secrets", "--non-interactive"];
    await run(bin, words, { cwd: checkout, env, input: JSON.stringify(secrets) });
  }

  it("is asked for an image with the environment's credentials, and says no to anybody else", async () => {
    const image = `${guarded.address}/${images[0]!}`;
    const known = await measureImage(stack.docker, image, auth());
    assert.deepEqual(known, { result: "passed", evidence: images[0]!.split("@")[1] });
    for (const nobody of [undefined, auth("another")]) {
      const { result, evidence } = await measureImage(stack.docker, image, nobody);
      assert.notEqual(result, "passed");
      assert.ok(!evidence.includes(guarded.password));
    }
  });

  it("is asked over HTTP with a header that goes to no other registry", async () => {
    const authorize = registryAuthorization(environment(), secret, openAws({}, secret));
    const [repository = "", digest = ""] = images[0]!.replace(/:[^@]*@/, "@").split("@");
    const ask = async (headers: Record<string, string>) => {
      const accept = "application/vnd.docker.distribution.manifest.v2+json";
      const url = `http://${guarded.address}/v2/${repository}/manifests/${digest}`;
      return (await fetch(url, { method: "HEAD", headers: { accept, ...headers } })).status;
    };
    assert.equal(await ask({}), 401);
    assert.equal(await ask({ authorization: (await authorize(guarded.address))! }), 200);
    assert.equal(await authorize("registry.example.com"), undefined);
    assert.equal(await authorize(`${guarded.address}.example.com`), undefined);
  });

  it("W3 · is pulled from by a whole release, whose password is nowhere in clear", async () => {
    await stack.empty();
    const document = parseDocument(readFileSync(stack.stackFile, "utf8"));
    const { registry, registryCredentials } = environment();
    document.setIn(["config", "rewind:environment", "registry"], registry);
    document.setIn(["config", "rewind:environment", "registryCredentials"], registryCredentials);
    // What is asked here is where the image comes from, on a busy machine, too: a health check may take its time.
    for (const entry of [
      "services/api",
      "functions/finalizeAssessment",
      "functions/score_prism",
      "functions/score_fc_session",
    ]) {
      document.setIn(["config", "rewind:environment", ...entry.split("/"), "healthcheck", "timeout"], "30s");
    }
    writeFileSync(stack.stackFile, document.toString({ lineWidth: 0 }));
    const missing = await stack.pulumi(["preview"]);
    assert.match(
      missing.output,
      /registryCredentials\.password: no secret "registry-password"; type: pulumi config set/,
    );
    await keepPassword("not the password");
    const refused = await stack.pulumi(["preview"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.output, /Refused before the first change; nothing was touched/);
    await keepPassword(guarded.password);
    const { output } = await stack.up();
    const ids = Object.values(await stack.containers());
    assert.equal(ids.length, 4);
    for (const id of ids) {
      const { Config } = await stack.docker.getContainer(id).inspect();
      assert.ok(Config.Image.startsWith("sha256:"));
    }
    const present = await stack.docker.getImage(`${guarded.address}/${images[1]!.replace(/:[^@]*@/, "@")}`).inspect();
    assert.ok(present.RepoDigests.some((name) => name.startsWith(guarded.address)));
    const state = await stack.pulumi(["stack", "export"]);
    for (const text of [output, state.stdout, JSON.stringify(stack.log())]) assert.ok(!text.includes(guarded.password));
    await stack.empty();
  });
});
