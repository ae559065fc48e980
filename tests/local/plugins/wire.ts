import { Map as ProtobufMap, Message } from "google-protobuf";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { credentials, type ServiceError } from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import type { Plugin } from "../../../local/plugins/plugin";
import { serve } from "../../../local/plugins/server";

export type Json = Record<string, unknown>;

/** The engine's side of a plugin: requests and answers in the form in which the recordings hold them. */
export interface Engine {
  readonly call: (method: string, request: Json) => Promise<Json>;
  readonly stop: () => void;
}

const kinds = messages.PropertyDiff.Kind;
const changes = messages.DiffResponse.DiffChanges;

/** Starts `plugin` on its own port and connects to it, as the engine would. */
export async function engineFor(plugin: Plugin): Promise<Engine> {
  const { port, stop } = await serve(plugin);
  const client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
  return {
    call: async (method, request) => answers[method]!(client, request),
    stop: () => {
      client.close();
      stop();
    },
  };
}

type Answer = (client: ResourceProviderClient, request: Json) => Promise<Json>;

const answers: Record<string, Answer> = {
  Handshake: (client) => ask((done) => client.handshake(new messages.ProviderHandshakeRequest(), done)),
  GetPluginInfo: (client) => ask((done) => client.getPluginInfo(new Empty(), done)),
  CheckConfig: (client, request) => ask((done) => client.checkConfig(checkRequest(request), done)),
  DiffConfig: (client, request) => ask((done) => client.diffConfig(diffRequest(request), done)),
  Configure: (client, request) =>
    ask((done) => client.configure(new messages.ConfigureRequest().setArgs(struct(request.args)), done)),
  Check: (client, request) => ask((done) => client.check(checkRequest(request), done)),
  Diff: (client, request) => ask((done) => client.diff(diffRequest(request), done)),
  Create: (client, request) =>
    ask((done) => {
      const message = new messages.CreateRequest().setUrn(word(request.urn)).setName(word(request.name));
      message.setType(word(request.type)).setProperties(struct(request.properties));
      client.create(message.setPreview(request.preview === true), done);
    }),
  Update: (client, request) =>
    ask((done) => {
      const message = new messages.UpdateRequest().setUrn(word(request.urn)).setId(word(request.id));
      message.setType(word(request.type)).setOlds(struct(request.olds)).setNews(struct(request.news));
      client.update(message.setPreview(request.preview === true), done);
    }),
  Read: (client, request) =>
    ask((done) => {
      const message = new messages.ReadRequest().setUrn(word(request.urn)).setId(word(request.id));
      message.setType(word(request.type)).setProperties(struct(request.properties));
      client.read(message.setInputs(struct(request.inputs)), done);
    }),
  Delete: (client, request) =>
    ask((done) => {
      const message = new messages.DeleteRequest().setUrn(word(request.urn)).setId(word(request.id));
      client.delete(message.setType(word(request.type)).setProperties(struct(request.properties)), done);
    }),
};

function ask(start: (done: (error: ServiceError | null, answer: Message) => void) => void): Promise<Json> {
  return new Promise((resolve, reject) => {
    start((error, answer) => {
      if (error) reject(error);
      else resolve(whole(answer));
    });
  });
}

/** How the recordings spell the fields whose getters keep no capitals. */
const spelled = [
  "acceptOutputs",
  "acceptResources",
  "acceptSecrets",
  "deleteBeforeReplace",
  "detailedDiff",
  "hasDetailedDiff",
  "inputDiff",
  "refreshBeforeUpdate",
  "supportsAutonamingConfiguration",
  "supportsPreview",
];
const spelling = new Map(spelled.map((name) => [name.toLowerCase(), name]));

/** Every field of a message, by its getters, in the form of the recordings: what is zero or empty is left out. */
function whole(message: Message): Json {
  const fields: Json = {};
  for (const getter of Object.getOwnPropertyNames(Object.getPrototypeOf(message))) {
    const [, name] = /^get([A-Z][A-Za-z]*?)(?:List|Map)?$/.exec(getter) ?? [];
    if (name === undefined || getter.endsWith("_asB64") || getter.endsWith("_asU8")) continue;
    const key = spelling.get(name.toLowerCase()) ?? `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
    const value = fieldOf(key, (message as unknown as Record<string, () => unknown>)[getter]?.call(message));
    if (!isNothing(value)) fields[key] = value;
  }
  return fields;
}

function fieldOf(key: string, value: unknown): unknown {
  if (key === "kind") return value === kinds.ADD ? undefined : nameIn(kinds, value);
  if (key === "changes") return value === changes.DIFF_UNKNOWN ? undefined : nameIn(changes, value);
  if (value instanceof Struct) return value.toJavaScript();
  if (value instanceof ProtobufMap) {
    const entries: [string, unknown][] = [];
    value.forEach((part: Message, path: string) => entries.push([path, whole(part)]));
    return Object.fromEntries(entries);
  }
  if (Array.isArray(value)) return value.map((part: unknown) => fieldOf(key, part));
  return value instanceof Message ? whole(value) : value;
}

function nameIn(values: Record<string, unknown>, value: unknown): string | undefined {
  return Object.keys(values).find((name) => values[name] === value);
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === "" || value === false || value === 0) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function checkRequest(request: Json): messages.CheckRequest {
  const message = new messages.CheckRequest().setUrn(word(request.urn)).setName(word(request.name));
  message.setType(word(request.type)).setOlds(struct(request.olds)).setNews(struct(request.news));
  return message.setRandomseed(word(request.randomSeed));
}

function diffRequest(request: Json): messages.DiffRequest {
  const message = new messages.DiffRequest().setUrn(word(request.urn)).setId(word(request.id));
  message.setType(word(request.type)).setOlds(struct(request.olds)).setNews(struct(request.news));
  return message.setOldInputs(struct(request.oldInputs));
}

function word(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function struct(value: unknown): Struct {
  return Struct.fromJavaScript((value ?? {}) as Record<string, JavaScriptValue>);
}
