import assert from "node:assert/strict";
import { awsPlugin } from "../../../local/plugins/aws/plugin";
import { dockerPlugin } from "../../../local/plugins/docker/plugin";
import { guesses } from "../../../local/plugins/guesses";
import { postgresqlPlugin } from "../../../local/plugins/postgresql/plugin";
import type { Plugin, Resource } from "../../../local/plugins/plugin";
import { textOf, type Bag, type Shape, type Value } from "../../../local/plugins/schema";
import { stored } from "../../../local/plugins/state";
import { kindOf, recordings, type RecordedCall } from "./recordings";
import { engineFor, type Engine } from "./wire";

const plugins = { docker: dockerPlugin({}), postgresql: postgresqlPlugin({}) };
/** The types that the stack declares; the recordings hold others beside them. */
const shapes: Record<string, Shape> = Object.fromEntries(
  Object.values(plugins).flatMap(({ resources }) =>
    Object.entries(resources).map(([type, { shape }]) => [type, shape] as const),
  ),
);

const isOurs = ({ request: { type } }: RecordedCall): boolean =>
  type === undefined || type.startsWith("pulumi:providers:") || Object.hasOwn(shapes, type);
/** A call that changes or reads the platform: its answer depends on more than the request. */
const needsPlatform = ({ method, request }: RecordedCall): boolean =>
  ["Create", "Update", "Read", "Delete"].includes(method) && request.preview !== true;
const calls = recordings.filter(isOurs);

describe("local plugins against the vendors' recorded answers", () => {
  const engines: Record<string, Engine> = {};
  before(async () => {
    engines.docker = await engineFor(plugins.docker);
    engines.postgresql = await engineFor(plugins.postgresql);
  });
  after(() => {
    for (const engine of Object.values(engines)) engine.stop();
  });

  for (const call of calls.filter((each) => !needsPlatform(each))) {
    it(`answer as the vendor: ${call.title}`, async () => {
      const engine = engines[call.plugin]!;
      if (call.errors) {
        const expected = /desc = (.*)$/.exec(call.errors[0]!)![1];
        await assert.rejects(engine.call(call.method, call.request), (error: { code: number; details: string }) => {
          return error.code === 12 && error.details === expected;
        });
        return;
      }
      const answer = await engine.call(call.method, call.request);
      assert.deepEqual(call.method === "Check" ? unnumbered(answer, call) : answer, call.response);
    });
  }

  for (const call of calls.filter((each) => needsPlatform(each) && each.response?.properties !== undefined)) {
    it(`store the same keys and form as the vendor: ${call.title}`, () => {
      const vendor = unwrapped(call.response!.properties as Bag);
      const ours = stored(shapes[call.request.type!]!, textOf(vendor.id), vendor, false);
      assert.deepEqual(ours, vendor);
    });
  }

  for (const call of calls.filter((each) => needsPlatform(each) && each.method !== "Delete" && each.response)) {
    it(`tell all of what the platform has as the vendor does: ${call.title}`, async () => {
      const { properties, id = call.request.id } = call.response!;
      const found = { id: textOf(id as Value), state: unwrapped((properties ?? {}) as Bag) };
      const plugin = plugins[call.plugin as keyof typeof plugins];
      const engine = await engineFor(
        onPlatform(plugin, call.request.type!, properties === undefined ? undefined : found),
      );
      try {
        assert.deepEqual(await engine.call(call.method, call.request), call.response);
      } finally {
        engine.stop();
      }
    });
  }

  for (const [type, shape] of Object.entries(shapes)) {
    it(`have every kind of question about a ${type} recorded, or named a guess`, () => {
      const recorded = new Set(calls.filter(({ request }) => request.type === type).map(kindOf));
      const missing = kindsOf(shape).filter((kind) => !recorded.has(kind));
      assert.deepEqual(Object.keys(guesses[type] ?? {}).sort(), missing);
    });
  }

  it("have every type of aws named a guess as a whole", () => {
    for (const type of Object.keys(awsPlugin({}).resources)) assert.deepEqual(Object.keys(guesses[type] ?? {}), ["*"]);
  });
});

/** A plugin whose platform has a resource in the state that the vendor's had, or does not have it any more. */
function onPlatform(plugin: Plugin, type: string, found: { id: string; state: Bag } | undefined): Plugin {
  const there = () => found ?? assert.fail("it is not there");
  const resource: Resource = {
    ...plugin.resources[type]!,
    create: () => Promise.resolve(there()),
    read: () => Promise.resolve(found),
    update: () => Promise.resolve(there().state),
  };
  return { ...plugin, resources: { ...plugin.resources, [type]: resource } };
}

/** What the engine may ask of a type: one without parts that change in place is never updated. */
function kindsOf(shape: Shape): string[] {
  const inputs = Object.values(shape.fields).filter(({ output, derived }) => !output && !derived);
  return [
    ...["Check", "Create", "Delete", "Diff without a change", "Read"],
    ...(inputs.some(({ immutable }) => immutable) ? ["Diff that replaces"] : []),
    ...(inputs.some(({ immutable }) => !immutable) ? ["Diff in place", "Update"] : []),
  ].sort();
}

/**
 * The answer with the vendor's own seven digits in a name that the plugin made: they come from another generator of
 * random numbers than ours, and nothing depends on them.
 */
function unnumbered(answer: Record<string, unknown>, { request, response }: RecordedCall): Record<string, unknown> {
  const [ours, vendors] = [answer.inputs as Bag, response!.inputs as Bag];
  const made = (name: unknown): boolean => new RegExp(`^${request.name}-[0-9a-f]{7}$`).test(String(name));
  if (request.news?.name !== undefined || !made(ours.name) || !made(vendors.name)) return answer;
  return { ...answer, inputs: { ...ours, name: vendors.name } };
}

function unwrapped(properties: Bag): Bag {
  const value = (part: Bag[string]): Bag[string] =>
    typeof part === "object" && part !== null && !Array.isArray(part) && "4dabf18193072939515e22adb298388d" in part
      ? (part.value ?? null)
      : part;
  return Object.fromEntries(Object.entries(properties).map(([key, part]) => [key, value(part)]));
}
