import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { projectIn } from "../project/project";
import { Refusal } from "./result";

/** Where the engine keeps a stack's state and history, as the URL of its backend says it. */
export type Backend = FileBackend | ObjectStoreBackend | PostgresBackend;

/** A folder of this machine. */
export interface FileBackend {
  readonly kind: "file";
  readonly folder: string;
}

/** A bucket of S3, or of a store that speaks it. What the URL does not say, AWS's own variables and files do. */
export interface ObjectStoreBackend {
  readonly kind: "s3";
  readonly bucket: string;
  /** What every key begins with: nothing, or a path that ends in `/`. */
  readonly prefix: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly profile?: string;
  readonly forcePathStyle: boolean;
  readonly tls: boolean;
}

/** A table of a PostgreSQL. What the URL does not say, libpq's variables do. */
export interface PostgresBackend {
  readonly kind: "postgres";
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly sslmode: "disable" | "require" | "verify-full";
  /** The file of the authorities. */
  readonly authorities?: string;
  readonly table: string;
  readonly prefix: string;
}

/**
 * The URL of the backend that the engine uses for the project in a folder, in the engine's order: the variable, the
 * project file, whatever was logged in to last.
 * @throws Refusal when there is none
 */
export function backendUrl(folder: string, env: NodeJS.ProcessEnv = process.env): string {
  const url = backendFor(folder, env);
  if (url !== undefined) return url;
  throw new Refusal("no backend is known in which the engine keeps this stack", "pulumi login <url>");
}

/** The same; undefined when there is no such backend. */
export function backendFor(folder: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const home = env.PULUMI_HOME || join(homedir(), ".pulumi");
  const loggedIn = join(env.PULUMI_CREDENTIALS_PATH || home, "credentials.json");
  const { backend } = projectIn(folder);
  return env.PULUMI_BACKEND_URL || backend || (existsSync(loggedIn) ? currentOf(loggedIn) : "") || undefined;
}

function currentOf(file: string): string {
  return (JSON.parse(readFileSync(file, "utf8")) as { current?: string }).current ?? "";
}

/**
 * Reads the URL of a backend as the engine does.
 * @param folder what a relative `file://` starts from
 * @throws Refusal for a backend whose files cannot be read here; the message never holds a password
 */
export function parseBackendUrl(text: string, folder: string): Backend {
  if (text.startsWith("file://")) return fileBackend(text.slice("file://".length), folder);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "s3:") return objectStoreBackend(url);
  if (url?.protocol === "postgres:") return postgresBackend(url);
  throw new Refusal(
    `the engine's own files are read on file://, s3:// and postgres:// only, and this is ${url?.protocol ?? "no"}//`,
    "pulumi stack history --full-dates",
  );
}

/** A backend in a few words, without anything that is nobody's business. */
export function describeBackend(backend: Backend): string {
  switch (backend.kind) {
    case "file":
      return `file://${backend.folder}`;
    case "s3":
      return `s3://${backend.bucket}/${backend.prefix}`;
    case "postgres":
      return `postgres://${backend.host ?? ""}/${backend.database ?? ""}, table ${backend.table}`;
  }
}

function fileBackend(rest: string, folder: string): FileBackend {
  const path = decoded(rest.split("?", 1)[0] ?? "");
  const home = /^~[\\/]?/.exec(path)?.[0];
  return {
    kind: "file",
    folder: home === undefined ? resolve(folder, path) : join(homedir(), path.slice(home.length)),
  };
}

/** They say how the engine writes or paces itself, and change nothing of what is read. */
const ofNoConcern = [
  ...["ssetype", "kmskeyid", "request_checksum_calculation", "response_checksum_validation", "awssdk"],
  ...["rate_limiter_capacity", "hostname_immutable"],
];

function objectStoreBackend(url: URL): ObjectStoreBackend {
  const given = new Map(url.searchParams);
  const take = (name: string): string | undefined => {
    const value = given.get(name);
    given.delete(name);
    return value || undefined;
  };
  for (const name of ofNoConcern) take(name);
  const [newPathStyle, oldPathStyle] = [flag(take, "use_path_style"), flag(take, "s3ForcePathStyle")];
  const [newPlain, oldPlain] = [flag(take, "disable_https"), flag(take, "disableSSL")];
  const plain = oldPlain ?? newPlain ?? false;
  const [region, profile, endpoint] = [take("region"), take("profile"), take("endpoint")];
  const folder = url.pathname.replace(/^\/+/, "");
  const prefix = `${take("prefix") ?? ""}${folder === "" || folder.endsWith("/") ? folder : `${folder}/`}`;
  const [unknown] = given.keys();
  if (unknown !== undefined) throw new Refusal(`the backend's URL has ${unknown}, which is not known here`, aws);
  return {
    kind: "s3",
    bucket: url.hostname,
    prefix: decoded(prefix),
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(endpoint === undefined
      ? {}
      : { endpoint: endpoint.includes("://") ? endpoint : `${plain ? "http" : "https"}://${endpoint}` }),
    forcePathStyle: oldPathStyle ?? newPathStyle ?? false,
    tls: !plain,
  };
}

const aws = "say it with AWS's own variables, such as AWS_PROFILE, and take it out of PULUMI_BACKEND_URL";

/** A truth value as Go reads one. */
function flag(take: (name: string) => string | undefined, name: string): boolean | undefined {
  const value = take(name);
  if (value === undefined) return undefined;
  if (/^(?:1|t|T|true|TRUE|True)$/.test(value)) return true;
  if (/^(?:0|f|F|false|FALSE|False)$/.test(value)) return false;
  throw new Refusal(`the backend's URL says ${name}=${value}, which is neither true nor false`, "correct the URL");
}

function postgresBackend(url: URL): PostgresBackend {
  const query = url.searchParams;
  const path = decoded(url.pathname.replace(/^\/+/, ""));
  const [host, port] = [query.get("host") ?? decoded(url.hostname), query.get("port") ?? url.port];
  const [user, password] = [query.get("user") ?? decoded(url.username), query.get("password") ?? decoded(url.password)];
  const database = query.get("dbname") ?? path;
  const table = query.get("table") || "pulumi_state";
  // It stands in a statement, where a name is no parameter.
  if (!/^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?$/.test(table)) {
    throw new Refusal("the backend's URL names a table whose name would need quotes", "correct the URL");
  }
  const authorities = query.get("sslrootcert");
  return {
    kind: "postgres",
    ...(host === "" ? {} : { host }),
    ...(port === "" ? {} : { port: Number(port) }),
    ...(user === "" ? {} : { user }),
    ...(password === "" ? {} : { password }),
    ...(database === "" ? {} : { database }),
    sslmode: sslmodeOf(query.get("sslmode") || process.env.PGSSLMODE || "require"),
    ...(authorities === null ? {} : { authorities }),
    table,
    // The engine takes the name of the database for a folder, too.
    prefix: path === "" || path.endsWith("/") ? path : `${path}/`,
  };
}

function sslmodeOf(mode: string): PostgresBackend["sslmode"] {
  if (mode === "disable" || mode === "require" || mode === "verify-full") return mode;
  if (mode === "verify-ca") return "verify-full";
  if (mode === "prefer" || mode === "allow") return "disable";
  throw new Refusal(`the backend's URL says sslmode=${mode}`, "one of: disable, require, verify-full");
}

/** A `%` that begins no escape stays what it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
