import { S3Client } from "@aws-sdk/client-s3";
import Docker from "dockerode";
import type { Pool } from "pg";
import { openAws, type AwsClients } from "./aws-clients";
import { launchChromium, type Launched } from "./browser-launch";
import { sharedBrowser } from "./shared-browser";
import type { Settings } from "../release/parse";
import { exactTexts, onlyReading, poolOf } from "../rows/session";
import { hostCheck } from "./known-hosts";
import { sslFor } from "./tls";
import type { Environment } from "../release/schema/environment";
import { awsOutbound } from "./outbound";

/** The values of `rewind:secrets`, by name. They live in memory and in connections, nowhere else. */
export type Secrets = Readonly<Record<string, string>>;

/** An identity that asks an object store: the stack's own, the stranger, or a principal whose keys are known. */
export type Identity = "own" | "stranger" | { readonly principal: string };

/** What probes talk to. Every client is made at first use and closed by `close`. */
export interface Clients {
  readonly docker: Docker;
  readonly aws: AwsClients;
  /** Where the published ports of the Docker engine answer. */
  readonly host: string;
  /** The project's folder, below which row files and migrations lie. */
  readonly project: string;
  database(): Pool;
  objectStore(identity: Identity): S3Client;
  /** The browser that all checks share. */
  browser(): Promise<Launched>;
  secret(name: string): string;
  close(): Promise<void>;
}

/**
 * Clients for one environment.
 * @throws Error from `database` or `objectStore` when the environment has none
 */
export function openClients(
  environment: Settings["environment"],
  secrets: Secrets,
  project: string = process.cwd(),
): Clients {
  let pool: Pool | undefined;
  const stores = new Map<string, S3Client>();
  const secret = (name: string): string => {
    const value = secrets[name];
    if (value === undefined) throw new Error(`no secret ${name}`);
    return value;
  };
  const aws = openAws(environment, secret);
  const browser = sharedBrowser(async () => {
    // It is large, and most stacks have no browser to start.
    const { chromium } = await import("playwright-core");
    return await launchChromium(chromium);
  });
  let engine: Docker | undefined;
  return {
    get docker() {
      if (environment.docker === undefined) throw new Error("the environment has no Docker engine");
      return (engine ??= dockerAt(environment.docker.host, silence));
    },
    aws,
    host: environment.docker?.address ?? "127.0.0.1",
    project,
    secret,
    database: () => (pool ??= databasePool(environment, secret)),
    objectStore: (identity) => {
      const name = typeof identity === "string" ? identity : `principal ${identity.principal}`;
      const known = stores.get(name);
      if (known !== undefined) return known;
      const store = storeAs(environment, identity, secret);
      stores.set(name, store);
      return store;
    },
    browser: () => browser.open(),
    close: async () => {
      for (const store of stores.values()) store.destroy();
      aws.close();
      // What hangs, a connection or a browser, is left to the process's end.
      await Promise.race([
        Promise.all([pool?.end().catch(() => undefined), browser.close()]),
        new Promise((resolve) => setTimeout(resolve, 2_000).unref()),
      ]);
    },
  };
}

/** How long an engine may say nothing to a check, in milliseconds: a check that gave up earlier leaves its request behind. */
const silence = 30_000;

/**
 * A Docker client for `unix://`, `npipe://`, `tcp://` and `ssh://` hosts.
 * @param timeout after so many milliseconds without a byte a request ends; without one it waits, and the process with it
 */
export function dockerAt(host: string, timeout?: number): Docker {
  const [, scheme = "", rest = ""] = /^([a-z]+):\/\/(.*)$/.exec(host) ?? [];
  const patience = timeout === undefined ? {} : { timeout };
  if (scheme === "unix" || scheme === "npipe") return new Docker({ socketPath: rest, ...patience });
  const { hostname, port, username } = new URL(host);
  if (scheme === "ssh") {
    const agent = process.env.SSH_AUTH_SOCK;
    const at = { host: hostname, port: Number(port || 22) };
    const sshOptions = { ...hostCheck(at.host, at.port), ...(agent === undefined ? {} : { agent }) };
    return new Docker({ protocol: "ssh", ...at, username, sshOptions, ...patience });
  }
  return new Docker({ protocol: "http", host: hostname, port: Number(port || 2375), ...patience });
}

function databasePool({ database }: Environment, secret: (name: string) => string): Pool {
  if (database === undefined) throw new Error("the environment has no database");
  const config = {
    host: database.host,
    port: database.port,
    user: database.administrator.user,
    password: secret(database.administrator.password),
    database: database.name,
    ssl: sslFor(database.sslmode),
    max: 4,
    connectionTimeoutMillis: 5_000,
    query_timeout: 30_000,
    application_name: "rewind",
  };
  // A table that somebody holds a lock on must not hold up a gate.
  return poolOf(config, { ...onlyReading, ...exactTexts, statement_timeout: "30s" });
}

function storeAs({ objectStore }: Environment, identity: Identity, secret: (name: string) => string): S3Client {
  if (objectStore === undefined) throw new Error("the environment has no object store");
  const { endpoint, region, credentials, stranger, identities } = objectStore;
  const keys = identity === "own" ? credentials : identity === "stranger" ? stranger : identities?.[identity.principal];
  if (identity !== "own" && keys === undefined) throw new Error("the environment names no keys for this identity");
  // The version pinned here runs on Node 20, and the line would stand in every preview.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  return new S3Client({
    region,
    maxAttempts: 1,
    ...awsOutbound(),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(keys === undefined
      ? {}
      : { credentials: { accessKeyId: secret(keys.accessKey), secretAccessKey: secret(keys.secretKey) } }),
  });
}
