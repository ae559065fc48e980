import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dockerPlugin } from "../../../local/plugins/docker/plugin";
import { postgresqlPlugin } from "../../../local/plugins/postgresql/plugin";
import { container, network, remoteImage } from "../../../local/plugins/docker/shapes";
import { service } from "../../../local/plugins/docker/service-shape";
import * as postgresql from "../../../local/plugins/postgresql/shapes";
import { textOf, type Bag, type Shape } from "../../../local/plugins/schema";
import { stored } from "../../../local/plugins/state";
import { engineFor, type Engine, type Json } from "./wire";

const FOLDER = join(__dirname, "../../fixtures/recordings");

/** The types that this stack declares; the recordings hold others beside them. */
const shapes: Record<string, Shape> = {
  "docker:index/container:Container": container,
  "docker:index/network:Network": network,
  "docker:index/remoteImage:RemoteImage": remoteImage,
  "docker:index/service:Service": service,
  "postgresql:index/database:Database": postgresql.database,
  "postgresql:index/defaultPrivileges:DefaultPrivileges": postgresql.defaultPrivileges,
  "postgresql:index/extension:Extension": postgresql.extension,
  "postgresql:index/function:Function": postgresql.sqlFunction,
  "postgresql:index/grant:Grant": postgresql.grant,
  "postgresql:index/grantRole:GrantRole": postgresql.grantRole,
  "postgresql:index/role:Role": postgresql.role,
  "postgresql:index/schema:Schema": postgresql.schema,
};

interface Recorded {
  file: string;
  line: number;
  method: string;
  request: Json & { type?: string; name?: string };
  response?: Json;
  errors?: string[];
  metadata: { name: string };
}

const recorded: Recorded[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".jsonl"))
  .sort()
  .flatMap((file) =>
    readFileSync(join(FOLDER, file), "utf8")
      .trim()
      .split("\n")
      .map((text, index) => {
        const call = JSON.parse(text) as Omit<Recorded, "file" | "line">;
        return { ...call, file, line: index + 1, method: call.method.replace(/^.*\//, "") };
      }),
  );

const isOurs = ({ request }: Recorded): boolean => {
  const type = request.type;
  return type === undefined || type.startsWith("pulumi:providers:") || Object.hasOwn(shapes, type);
};
const isPreview = ({ request }: Recorded): boolean => request.preview === true;
const changes = ["Create", "Update", "Read"];
const title = ({ file, line, method, request, metadata }: Recorded): string =>
  `${file}:${line} ${method} ${request.type ?? metadata.name} ${request.name ?? ""}`.trim();

describe("local plugins against the vendors' recorded answers", () => {
  const engines: Record<string, Engine> = {};
  before(async () => {
    engines.docker = await engineFor(dockerPlugin({}));
    engines.postgresql = await engineFor(postgresqlPlugin({}));
  });
  after(() => {
    for (const engine of Object.values(engines)) engine.stop();
  });

  const answered = recorded.filter((call) => isOurs(call) && (!changes.includes(call.method) || isPreview(call)));
  it("covers every method that needs no platform", () => {
    const methods = new Set(answered.map(({ method }) => method));
    const expected = [
      "Check",
      "CheckConfig",
      "Configure",
      "Create",
      "Diff",
      "DiffConfig",
      "GetPluginInfo",
      "Handshake",
    ];
    assert.deepEqual([...methods].sort(), [...expected, "Update"].sort());
  });
  for (const call of answered) {
    it(`answers as the vendor: ${title(call)}`, async () => {
      const engine = engines[call.metadata.name]!;
      if (call.errors) {
        const expected = /desc = (.*)$/.exec(call.errors[0]!)![1];
        await assert.rejects(engine.call(call.method, call.request), (error: { code: number; details: string }) => {
          return error.code === 12 && error.details === expected;
        });
        return;
      }
      assert.deepEqual(await engine.call(call.method, call.request), call.response);
    });
  }

  const real = recorded.filter((call) => isOurs(call) && changes.includes(call.method) && !isPreview(call));
  for (const call of real.filter(({ response }) => response?.properties !== undefined)) {
    it(`stores the same keys and form as the vendor: ${title(call)}`, () => {
      const vendor = unwrapped(call.response!.properties as Bag);
      const ours = stored(shapes[call.request.type!]!, textOf(vendor.id), vendor, false);
      assert.deepEqual(ours, vendor);
    });
  }
});

function unwrapped(properties: Bag): Bag {
  const value = (part: Bag[string]): Bag[string] =>
    typeof part === "object" && part !== null && !Array.isArray(part) && "4dabf18193072939515e22adb298388d" in part
      ? (part.value ?? null)
      : part;
  return Object.fromEntries(Object.entries(properties).map(([key, part]) => [key, value(part)]));
}
