import assert from "node:assert/strict";
import type Docker from "dockerode";
import { Client } from "pg";
import { dockerPlugin } from "../../local/plugins/docker/plugin";
import { postgresqlPlugin } from "../../local/plugins/postgresql/plugin";
import { isBag, textOf, type Bag, type Value } from "../../local/plugins/schema";
import { recordings, type RecordedCall } from "../local/plugins/recordings";
import { engineFor, type Engine, type Json } from "../local/plugins/wire";
import { fixtureFor, type Fixture } from "./fixture";

const changesPlatform = ({ method, request }: RecordedCall): boolean =>
  ["Create", "Update", "Delete"].includes(method) && request.preview !== true;
const recordedIn = (plugin: string, ...files: readonly string[]): RecordedCall[] =>
  recordings.filter(
    (call) => call.plugin === plugin && changesPlatform(call) && files.some((file) => call.file.startsWith(file)),
  );

/** What the recorded calls are asked again on the real platforms: an answer to these depends on more than the request. */
describe("local plugins that change what the vendors' plugins changed", function () {
  let stack: Fixture;
  before(async function () {
    stack = await fixtureFor(this);
  });

  describe("on a real PostgreSQL", () => {
    let engine: Engine;
    const drop = async (): Promise<void> => {
      const { host, port, user, password } = stack.environment.postgres;
      const client = new Client({ host, port, user, password, database: "postgres" });
      await client.connect();
      await client.query("drop database if exists rec_app with (force)");
      await client.query("drop role if exists rec_svc; drop role if exists rec_reader");
      await client.end();
    };
    before(async () => {
      await drop();
      engine = await engineFor(postgresqlPlugin({}));
      const { host, port, user: username, password } = stack.environment.postgres;
      const settings = { host, port: String(port), username, password, sslmode: "disable", database: "postgres" };
      await engine.call("Configure", { args: settings });
    });
    after(async () => {
      engine.stop();
      await drop();
    });

    /** What was recorded as the administrator `postgres`, as the administrator of this server. */
    const here = (recorded: Json): Json =>
      JSON.parse(
        JSON.stringify(recorded).replace(/(?<![a-z])postgres(?!ql)/g, stack.environment.postgres.user),
      ) as Json;

    for (const call of recordedIn("postgresql", "01-", "04-", "05-", "06-", "11-")) {
      it(`answer as the vendor: ${call.title}`, async () => {
        assert.deepEqual(await engine.call(call.method, here(call.request)), here(call.response ?? {}));
      });
    }
  });

  describe("on a real Docker engine", () => {
    let engine: Engine;
    let image: Docker.ImageInspectInfo;
    let name: string;
    const ids = new Map<string, string>();
    before(async () => {
      await stack.empty();
      engine = await engineFor(dockerPlugin({}));
      await engine.call("Configure", { args: { host: stack.environment.docker.host } });
      await stack.up();
      const [running] = Object.values(await stack.containers());
      image = await stack.docker.getImage((await stack.docker.getContainer(running ?? "").inspect()).Image).inspect();
      name = image.RepoDigests.find((each) => each.startsWith(stack.environment.registry.address)) ?? "";
    });
    after(async () => {
      for (const container of await stack.docker.listContainers({ all: true, filters: { network: [network] } })) {
        await stack.docker.getContainer(container.Id).remove({ force: true });
      }
      await stack.docker
        .getNetwork(network)
        .remove()
        .catch(() => undefined);
      engine.stop();
      await stack.empty();
    });
    const network = "rewind-local-491d44";
    const recorded = recordedIn("docker", "12-").map((call) => ({ ...call, key: call.request.urn ?? "" }));
    const [remote] = recorded.filter(({ method, request }) => method === "Create" && isImage(request.type));
    const vendors = remote!.response!.properties as Bag;

    /** A recorded value with this machine's image in the place of the recorded one. */
    const here = <T extends Value>(value: T): T =>
      JSON.parse(
        JSON.stringify(value)
          .replaceAll(textOf(vendors.imageId), image.Id)
          .replaceAll(textOf(vendors.repoDigest), name)
          .replaceAll(textOf(vendors.name), name),
      ) as T;

    // A network first, what joins it next; deletions in the order in which they were recorded.
    const order = ["network", "remoteImage", "container"];
    const rank = ({ method, request }: RecordedCall): number =>
      method === "Delete" ? order.length : order.findIndex((kind) => request.type?.includes(`/${kind}:`));
    for (const call of [...recorded].sort((a, b) => rank(a) - rank(b))) {
      it(`answer as the vendor: ${call.title}`, async () => {
        const id = ids.get(call.key);
        const request = here(call.request as unknown as Bag);
        const answer = await engine.call(call.method, id === undefined ? request : { ...request, id });
        if (call.method === "Delete") {
          assert.deepEqual(answer, {});
          return;
        }
        ids.set(call.key, textOf((answer as Bag).id));
        const expected = here(call.response as unknown as Bag);
        assert.deepEqual(masked(answer as Bag), masked(expected));
      });
    }
  });
});

function isImage(type: string | undefined): boolean {
  return type === "docker:index/remoteImage:RemoteImage";
}

/** What each engine decides for itself, by the form that it must have. */
const decided: Readonly<Record<string, RegExp>> = {
  bridge: /^\w*$/,
  external: /^\d{4,5}$/,
  gateway: /^\d+(\.\d+){3}$/,
  hostname: /^[0-9a-f]{12}$/,
  id: /^[0-9a-f]{64}$/,
  ipAddress: /^\d+(\.\d+){3}$/,
  ipPrefixLength: /^\d\d$/,
  macAddress: /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/,
  subnet: /^\d+(\.\d+){3}\/\d\d$/,
};

/** A value in which what an engine decides is told by its form alone; whatever has another form stays, and differs. */
function masked(value: Value, key = ""): Value {
  if (Array.isArray(value)) return value.map((part) => masked(part, key));
  if (isBag(value)) return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, masked(part, name)]));
  return decided[key]?.test(textOf(value)) === true ? `the engine's ${key}` : value;
}
