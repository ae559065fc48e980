import { z } from "zod";
import { EnvironmentName, Host, isThisMachine, Name, SecretName, ToggleName } from "../primitives";
import { Aws, Ecs, LambdaSettings, RegistryCredentials } from "./aws";
import { Database } from "./database";
import { Proxy, Route } from "./routes";
import { Records } from "./store";
import { Runtime, Swarm } from "./runtime";
import { Signatures } from "./signatures";
import { Jobs } from "./jobs";
import { FrontendPlace } from "./frontend";
import { ObjectStore } from "./storage";
import { Workload } from "./workloads";

/** The host in a `tcp://` address; nothing where it is of another kind. */
const tcpHost = (address: string): string | undefined => /^tcp:\/\/(?:[^@]*@)?(.*?)(?::[0-9]+)?$/.exec(address)?.[1];

/** Everything that surrounds a release and stays while releases come and go. */
export const Environment = z.strictObject({
  name: EnvironmentName,
  kind: z.enum(["local", "staging", "production"], { error: "expected local, staging or production" }),
  registry: z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253})(?::[0-9]{1,5})?(?:\/[a-z0-9._/-]{1,200})?$/, {
    error: "expected a registry such as registry.example.com/team",
  }),
  registryCredentials: RegistryCredentials.optional().describe("Left out where everybody may pull, and on ECR"),
  runtime: Runtime.optional().describe("On what services and functions run: docker and container unless said"),
  swarm: Swarm.optional(),
  aws: Aws.optional(),
  ecs: Ecs.optional(),
  lambda: LambdaSettings.optional(),
  docker: z
    .strictObject({
      // A host that began with a dash would be an option of ssh.
      host: z
        .string()
        .regex(
          /^(?:unix:\/\/\/[ -~\u00a0-\uffff]{1,250}|npipe:\/\/[A-Za-z0-9._/-]{1,250}|(?:tcp|ssh):\/\/(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,62}@)?(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:]{2,45}\])(?::[0-9]{1,5})?)$/,
          { error: "expected a Docker host such as unix:///var/run/docker.sock or ssh://deploy@host", abort: true },
        )
        .refine((address) => isThisMachine(tcpHost(address) ?? "localhost"), {
          error:
            "tcp:// is neither encrypted nor proves who asks, so it may only name this machine; expected ssh://user@host",
        }),
      address: Host.optional().describe("Where published ports answer; 127.0.0.1 unless the engine is remote"),
    })
    .optional(),
  services: z.record(Name, Workload).optional(),
  functions: z.record(Name, Workload).optional(),
  proxy: Proxy.optional().describe("The reverse proxy in front of the services of a single host"),
  frontends: z.record(Name, FrontendPlace).optional(),
  routes: z.record(Name, Route).optional().describe("Addresses that stay while versions come and go"),
  database: Database.optional(),
  objectStore: ObjectStore.optional(),
  caches: z
    .record(
      Name,
      z.strictObject({
        url: SecretName,
        keys: z
          .array(z.string().regex(/^[\x21-\x7e]{1,200}$/))
          .min(1)
          .describe("Patterns of the keys to clear"),
      }),
    )
    .optional(),
  signatures: Signatures.optional().describe("Who must have signed every pinned image"),
  jobs: z.record(Name, Jobs).optional().describe("Background jobs that a change of release cancels"),
  toggles: z.array(ToggleName).optional().describe("The toggles that services and functions are told"),
  protect: z
    .boolean()
    .optional()
    .describe("Whether databases, tables, buckets and volumes are protected; true unless the kind is local"),
  records: Records.optional().describe("Where the deployment log is: in the folder .rewind/records unless said"),
});
export type Environment = z.infer<typeof Environment>;
