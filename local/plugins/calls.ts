import type { Message } from "google-protobuf";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { check, type CheckRequest } from "./check";
import { diff, type Difference } from "./diff";
import { plan } from "./plan";
import type { Plugin, Resource } from "./plugin";
import { hasUnknown, UNKNOWN, type Bag, type Shape } from "./schema";
import { inputsOf, stored } from "./state";
import { decode, encode } from "./values";

/** The engine asked for something that no local plugin can do; the text says what, for a person to read. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** Answers to the engine's calls, by the method's name in the protocol; one that is not here is unimplemented. */
export type Calls = Readonly<Record<string, (request: never) => Promise<Message> | Message>>;

/** All calls of the provider protocol that `plugin` answers. */
export function callsOf(plugin: Plugin): Calls {
  return {
    getPluginInfo: () => new PluginInfo().setVersion(plugin.version),
    // Several engines may use one process in turn, and the last settings count.
    attach: () => new Empty(),
    cancel: () => {
      plugin.cancel();
      return new Empty();
    },
    checkConfig: (request: messages.CheckRequest) => {
      const { bag, secrets } = decode(request.getNews());
      return new messages.CheckResponse().setInputs(encode(bag, [...plugin.secretSettings, ...secrets]));
    },
    // An empty answer leaves the comparison of the settings to the engine, as the vendors' plugins do.
    diffConfig: () => new messages.DiffResponse(),
    configure: (request: messages.ConfigureRequest) => {
      plugin.configure(decode(request.getArgs()).bag);
      return new messages.ConfigureResponse().setSupportspreview(true).setSupportsAutonamingConfiguration(true);
    },
    check: (request: messages.CheckRequest) => checkCall(resourceOf(plugin, request).shape, request),
    diff: (request: messages.DiffRequest) => diffCall(resourceOf(plugin, request).shape, request),
    create: (request: messages.CreateRequest) => createCall(resourceOf(plugin, request), request),
    update: (request: messages.UpdateRequest) => updateCall(resourceOf(plugin, request), request),
    read: (request: messages.ReadRequest) => readCall(resourceOf(plugin, request), request),
    delete: async (request: messages.DeleteRequest) => {
      await resourceOf(plugin, request).remove(request.getId(), decode(request.getProperties()).bag);
      return new Empty();
    },
  };
}

function resourceOf(plugin: Plugin, request: { getUrn(): string; getType(): string }): Resource {
  // An engine that does not fill in the type still has it in the URN, after the parents' types.
  const type = request.getType() || (request.getUrn().split("::")[2]?.split("$").at(-1) ?? "");
  const resource = Object.hasOwn(plugin.resources, type) ? plugin.resources[type] : undefined;
  if (resource === undefined) {
    const known = Object.keys(plugin.resources).join(", ");
    throw new Refusal(
      `${type}: the local ${plugin.name} plugin knows only the types that this stack declares (${known}); ` +
        `install the vendor's plugin: pulumi plugin install resource ${plugin.name} v${plugin.version}`,
    );
  }
  return resource;
}

function secretNames(shape: Shape): string[] {
  return Object.keys(shape.fields).filter((key) => shape.fields[key]?.secret);
}

function checkCall(shape: Shape, request: messages.CheckRequest): messages.CheckResponse {
  const { bag: news, secrets } = decode(request.getNews());
  const options = request.getAutonaming();
  const asked: CheckRequest = {
    name: request.getName() || (request.getUrn().split("::").at(-1) ?? ""),
    news,
    olds: decode(request.getOlds()).bag,
    seed: request.getRandomseed_asU8(),
    ...(options
      ? {
          autonaming: {
            proposed: options.getProposedName(),
            disabled: options.getMode() === messages.CheckRequest.AutonamingOptions.Mode.DISABLE,
          },
        }
      : {}),
  };
  const { inputs, failures } = check(shape, asked);
  return new messages.CheckResponse()
    .setInputs(encode(inputs, [...secretNames(shape), ...secrets]))
    .setFailuresList(
      failures.map(({ property, reason }) => new messages.CheckFailure().setProperty(property).setReason(reason)),
    );
}

const kinds: Record<Difference["change"], [messages.PropertyDiff.Kind, messages.PropertyDiff.Kind]> = {
  ADD: [messages.PropertyDiff.Kind.ADD, messages.PropertyDiff.Kind.ADD_REPLACE],
  DELETE: [messages.PropertyDiff.Kind.DELETE, messages.PropertyDiff.Kind.DELETE_REPLACE],
  UPDATE: [messages.PropertyDiff.Kind.UPDATE, messages.PropertyDiff.Kind.UPDATE_REPLACE],
};

function diffCall(shape: Shape, request: messages.DiffRequest): messages.DiffResponse {
  const found = diff(shape, decode(request.getNews()).bag, decode(request.getOlds()).bag);
  const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
  // What the program told the engine to ignore is back at its old value in `news`, so it needs no look here.
  const response = new messages.DiffResponse()
    .setChanges(found.changed.length > 0 ? DIFF_SOME : DIFF_NONE)
    .setDiffsList([...found.changed])
    .setReplacesList([...found.replaces])
    .setStablesList([...found.stables])
    .setDeletebeforereplace(found.deleteFirst)
    .setHasdetaileddiff(true);
  for (const [path, { change, replaces }] of found.detailed) {
    const kind = kinds[change][replaces ? 1 : 0];
    response.getDetaileddiffMap().set(path, new messages.PropertyDiff().setKind(kind));
  }
  return response;
}

async function createCall(resource: Resource, request: messages.CreateRequest): Promise<messages.CreateResponse> {
  const { shape } = resource;
  const { bag: inputs, secrets } = decode(request.getProperties());
  const planned = plan(shape, inputs);
  const wrapped = [...secretNames(shape), ...secrets];
  if (request.getPreview()) {
    const outputs = stored(shape, UNKNOWN, planned, true);
    return new messages.CreateResponse().setProperties(encode(shape.previewed?.(outputs) ?? outputs, wrapped));
  }
  refuseUnknown(inputs);
  const { id, state } = await resource.create(planned, request.getName());
  return new messages.CreateResponse().setId(id).setProperties(encode(stored(shape, id, state, false), wrapped));
}

async function updateCall(resource: Resource, request: messages.UpdateRequest): Promise<messages.UpdateResponse> {
  const { shape } = resource;
  const id = request.getId();
  const { bag: inputs, secrets } = decode(request.getNews());
  const { bag: prior, secrets: old } = decode(request.getOlds());
  const planned = plan(shape, inputs, prior);
  const wrapped = [...secretNames(shape), ...secrets, ...old];
  if (request.getPreview()) {
    for (const key of shape.renewed ?? []) planned[key] = UNKNOWN;
    return new messages.UpdateResponse().setProperties(encode(stored(shape, id, planned, true), wrapped));
  }
  refuseUnknown(inputs);
  const state = await resource.update(id, prior, planned);
  return new messages.UpdateResponse().setProperties(encode(stored(shape, id, state, false), wrapped));
}

async function readCall(resource: Resource, request: messages.ReadRequest): Promise<messages.ReadResponse> {
  const { shape } = resource;
  const { bag: olds, secrets } = decode(request.getProperties());
  const found = await resource.read(request.getId(), olds);
  if (found === undefined) return new messages.ReadResponse();
  const inputs = decode(request.getInputs());
  const outputs = stored(shape, found.id, found.state, false);
  return new messages.ReadResponse()
    .setId(found.id)
    .setProperties(encode(outputs, [...secretNames(shape), ...secrets]))
    .setInputs(encode(inputsOf(shape, inputs.bag, outputs), [...secretNames(shape), ...inputs.secrets]));
}

function refuseUnknown(inputs: Bag): void {
  const unknown = Object.keys(inputs).filter((key) => hasUnknown(inputs[key]));
  if (unknown.length > 0) throw new Refusal(`${unknown.join(", ")}: not known yet, so nothing was changed`);
}
