import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { credentials, type ServiceError } from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import type { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
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
  Handshake: (client) =>
    ask<messages.ProviderHandshakeResponse>(
      (done) => client.handshake(new messages.ProviderHandshakeRequest(), done),
      () => ({}),
    ),
  GetPluginInfo: (client) =>
    ask<PluginInfo>(
      (done) => client.getPluginInfo(new Empty(), done),
      (info) => ({ version: info.getVersion() }),
    ),
  CheckConfig: (client, request) =>
    ask<messages.CheckResponse>((done) => client.checkConfig(checkRequest(request), done), checked),
  DiffConfig: (client, request) =>
    ask<messages.DiffResponse>((done) => client.diffConfig(diffRequest(request), done), differing),
  Configure: (client, request) =>
    ask<messages.ConfigureResponse>(
      (done) => client.configure(new messages.ConfigureRequest().setArgs(struct(request.args)), done),
      (response) =>
        spare({
          acceptSecrets: response.getAcceptsecrets(),
          supportsPreview: response.getSupportspreview(),
          supportsAutonamingConfiguration: response.getSupportsAutonamingConfiguration(),
        }),
    ),
  Check: (client, request) => ask<messages.CheckResponse>((done) => client.check(checkRequest(request), done), checked),
  Diff: (client, request) => ask<messages.DiffResponse>((done) => client.diff(diffRequest(request), done), differing),
  Create: (client, request) =>
    ask<messages.CreateResponse>(
      (done) => {
        const message = new messages.CreateRequest().setUrn(word(request.urn)).setName(word(request.name));
        message.setType(word(request.type)).setProperties(struct(request.properties));
        client.create(message.setPreview(request.preview === true), done);
      },
      (response) => spare({ id: response.getId(), properties: plain(response.getProperties()) }),
    ),
  Update: (client, request) =>
    ask<messages.UpdateResponse>(
      (done) => {
        const message = new messages.UpdateRequest().setUrn(word(request.urn)).setId(word(request.id));
        message.setType(word(request.type)).setOlds(struct(request.olds)).setNews(struct(request.news));
        client.update(message.setPreview(request.preview === true), done);
      },
      (response) => spare({ properties: plain(response.getProperties()) }),
    ),
  Read: (client, request) =>
    ask<messages.ReadResponse>(
      (done) => {
        const message = new messages.ReadRequest().setUrn(word(request.urn)).setId(word(request.id));
        message.setType(word(request.type)).setProperties(struct(request.properties));
        client.read(message.setInputs(struct(request.inputs)), done);
      },
      (response) =>
        spare({
          id: response.getId(),
          properties: plain(response.getProperties()),
          inputs: plain(response.getInputs()),
        }),
    ),
  Delete: (client, request) =>
    ask<Empty>(
      (done) => {
        const message = new messages.DeleteRequest().setUrn(word(request.urn)).setId(word(request.id));
        client.delete(message.setType(word(request.type)).setProperties(struct(request.properties)), done);
      },
      () => ({}),
    ),
};

function ask<T>(
  start: (done: (error: ServiceError | null, answer: T) => void) => void,
  read: (answer: T) => Json,
): Promise<Json> {
  return new Promise((resolve, reject) => {
    start((error, answer) => {
      if (error) reject(error);
      else resolve(read(answer));
    });
  });
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

function checked(response: messages.CheckResponse): Json {
  const failures = response.getFailuresList().map((failure) => `${failure.getProperty()}: ${failure.getReason()}`);
  return spare({ inputs: plain(response.getInputs()), failures });
}

function differing(response: messages.DiffResponse): Json {
  const detailed: Json = {};
  response.getDetaileddiffMap().forEach((difference, path) => {
    // Recordings leave out what is zero, and zero is ADD.
    const kind = Object.keys(kinds).find((name) => kinds[name as keyof typeof kinds] === difference.getKind());
    detailed[path] = kind === "ADD" ? {} : { kind };
  });
  const change = Object.keys(changes).find((name) => changes[name as keyof typeof changes] === response.getChanges());
  return spare({
    replaces: response.getReplacesList(),
    stables: response.getStablesList(),
    deleteBeforeReplace: response.getDeletebeforereplace(),
    changes: change === "DIFF_UNKNOWN" ? "" : change,
    diffs: response.getDiffsList(),
    detailedDiff: detailed,
    hasDetailedDiff: response.getHasdetaileddiff(),
  });
}

function word(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function struct(value: unknown): Struct {
  return Struct.fromJavaScript((value ?? {}) as Record<string, JavaScriptValue>);
}

function plain(value: Struct | undefined): Json | undefined {
  return value?.toJavaScript();
}

/** Without what says nothing, as in the recordings. */
function spare(answer: Json): Json {
  const isNothing = (value: unknown): boolean =>
    value === undefined || value === "" || value === false || (Array.isArray(value) && value.length === 0);
  const isBare = (value: unknown): boolean => typeof value === "object" && JSON.stringify(value) === "{}";
  return Object.fromEntries(Object.entries(answer).filter(([, value]) => !isNothing(value) && !isBare(value)));
}
