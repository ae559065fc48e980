import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceError,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Message } from "google-protobuf";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { callsOf, Refusal } from "./calls";
import { HalfCreated, type Plugin } from "./plugin";
import { encode } from "./values";

/** States are sent whole, and a row-heavy one passes the 4 MiB that gRPC allows by itself. */
const LARGEST_MESSAGE = 400 * 1024 * 1024;

/** Serves `plugin` on a free loopback port; returns the port and what stops it. */
export async function serve(plugin: Plugin): Promise<{ port: number; stop: () => void }> {
  const server = new Server({
    "grpc.max_receive_message_length": LARGEST_MESSAGE,
    "grpc.max_send_message_length": LARGEST_MESSAGE,
  });
  server.addService(ResourceProviderService, implementationOf(plugin));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  return {
    port,
    stop: () => {
      server.forceShutdown();
    },
  };
}

function implementationOf(plugin: Plugin): UntypedServiceImplementation {
  const calls = callsOf(plugin);
  const implementation: UntypedServiceImplementation = {};
  for (const [name, definition] of Object.entries(ResourceProviderService)) {
    const call = calls[name];
    const method = String((definition as { path: string }).path.split("/").at(-1));
    implementation[name] = (request: ServerUnaryCall<Message, Message>, answer: sendUnaryData<Message>) => {
      if (call === undefined) {
        answer({ code: status.UNIMPLEMENTED, details: `method ${method} not implemented` });
        return;
      }
      Promise.resolve()
        .then(() => call(request.request as never))
        .then(
          (response) => {
            answer(null, response);
          },
          (error: unknown) => {
            answer(errorFor(error));
          },
        );
    };
  }
  return implementation;
}

/** The one place where an error becomes an answer to the engine. */
function errorFor(error: unknown): Partial<ServiceError> {
  const details = error instanceof Error ? describe(error) : String(error);
  if (error instanceof HalfCreated) {
    const half = new ErrorResourceInitFailed()
      .setId(error.id)
      .setProperties(encode(error.state))
      .setReasonsList([details]);
    const carried = new Any();
    carried.pack(half.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const full = new Status().setCode(status.UNKNOWN).setMessage(details).setDetailsList([carried]);
    const metadata = new Metadata();
    metadata.add("grpc-status-details-bin", Buffer.from(full.serializeBinary()));
    return { code: status.UNKNOWN, details, metadata };
  }
  return { code: error instanceof Refusal ? status.INVALID_ARGUMENT : status.UNKNOWN, details };
}

/** An error's text with those beneath it that add to it: a refused connection tries several addresses, for instance. */
function describe(error: Error): string {
  const beneath = error instanceof AggregateError ? (error.errors as unknown[]) : error.cause ? [error.cause] : [];
  const parts = beneath.map((cause) => (cause instanceof Error ? cause.message : String(cause)).trim());
  const text = error.message.trim();
  return [text, ...parts.filter((part) => !text.includes(part))].filter((part) => part !== "").join(": ");
}
