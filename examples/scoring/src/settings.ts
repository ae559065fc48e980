import type { Parameters } from "./engine";
import { type FcVersion, fcVersions } from "./forced-choice";
import { isObject } from "./validation";

/** What a container of this image can be: the first argument of its command. */
export const roles = ["api", "finalizeAssessment", "score_prism", "score_fc_session"] as const;
export type Role = (typeof roles)[number];

export interface Storage {
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  bucket: string;
}

/** The environment, parsed. What the role does not use is empty. */
export interface Settings {
  port: number;
  /** The release that the stack says this container belongs to; only shown, never decided upon. */
  release: string;
  databaseUrl: string;
  schema: string;
  redisUrl: string;
  token: string;
  storage: Storage;
  fcVersion: FcVersion;
  parameters: Parameters;
  toggles: Record<"AUTOPILOT_WORKER_DISABLED" | "CORRELATION_ID_ENABLED", boolean>;
  /** The sites whose pages may ask; any when there is none. */
  allowedOrigins: string[];
  /** What must never stand in a log. */
  secrets: string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Every problem of the environment at once, by variable name; values are never repeated, they may be secrets. */
export class BadEnvironment extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join("; "));
  }
}

/** The port to listen on; also all that the health check needs to know. */
export function readPort(environment: Environment): number {
  return Number(environment.PORT || "8080");
}

/** Parses the environment for a role. Throws BadEnvironment. */
export function readSettings(role: Role, environment: Environment, defaults: Parameters): Settings {
  const problems: string[] = [];
  const text = (name: string, needed: boolean): string => {
    const value = environment[name] ?? "";
    if (needed && value === "") problems.push(`${name} is missing`);
    return value;
  };
  const matching = <Value>(name: string, parsed: Value | undefined, expected: string, fallback: Value): Value => {
    if (parsed === undefined) problems.push(`${name} must be ${expected}`);
    return parsed ?? fallback;
  };
  const toggle = (name: string): boolean => {
    const value = environment[name] || "false";
    return matching(name, value === "true" ? true : value === "false" ? false : undefined, "true or false", false);
  };
  const address = (name: string, needed: boolean): string => {
    const value = text(name, needed);
    return matching(name, value === "" || URL.canParse(value) ? value : undefined, "a URL", "");
  };

  const isApi = role === "api";
  const port = readPort(environment);
  const schema = environment.DB_SCHEMA || "app";
  const fcVersion = environment.FC_VERSION || "v1.2";
  const settings: Settings = {
    port: matching("PORT", Number.isInteger(port) && port > 0 && port < 65536 ? port : undefined, "a port", 0),
    release: environment.REWIND_RELEASE ?? "",
    databaseUrl: address("DATABASE_URL", true),
    schema: matching("DB_SCHEMA", /^[a-z_][a-z0-9_]{0,62}$/.test(schema) ? schema : undefined, "a schema name", ""),
    redisUrl: address("REDIS_URL", role === "finalizeAssessment"),
    token: text("API_TOKEN", true),
    storage: {
      endpoint: address("S3_ENDPOINT", isApi),
      region: environment.S3_REGION || "us-east-1",
      accessKeyId: text("S3_ACCESS_KEY", isApi),
      secretAccessKey: text("S3_SECRET_KEY", isApi),
      bucket: text("BUCKET", isApi),
    },
    fcVersion: matching(
      "FC_VERSION",
      fcVersions.find((version) => version === fcVersion),
      fcVersions.join(" or "),
      "v1.2",
    ),
    parameters: matching(
      "ENGINE_PARAMETERS",
      parseParameters(environment.ENGINE_PARAMETERS || "{}", defaults),
      'JSON such as {"precision": 2, "acquiescence": 0.5}, precision 0 to 4, acquiescence 0 to 1',
      defaults,
    ),
    toggles: {
      AUTOPILOT_WORKER_DISABLED: toggle("AUTOPILOT_WORKER_DISABLED"),
      CORRELATION_ID_ENABLED: toggle("CORRELATION_ID_ENABLED"),
    },
    allowedOrigins: (environment.CORS_ALLOWED_ORIGINS ?? "").split(/[\s,]+/).filter((origin) => origin !== ""),
    secrets: [],
  };
  if (problems.length > 0) throw new BadEnvironment(problems);
  settings.secrets = [
    settings.token,
    settings.storage.secretAccessKey,
    ...[settings.databaseUrl, settings.redisUrl].flatMap((url) => [url, passwordOf(url)]),
  ].filter((secret) => secret !== "");
  return settings;
}

function parseParameters(json: string, defaults: Parameters): Parameters | undefined {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isObject(given) || Object.keys(given).some((key) => !(key in defaults))) return undefined;
  const { precision = defaults.precision, acquiescence = defaults.acquiescence } = given;
  if (typeof precision !== "number" || !Number.isInteger(precision) || precision < 0 || precision > 4) return undefined;
  if (typeof acquiescence !== "number" || !(acquiescence >= 0 && acquiescence <= 1)) return undefined;
  return { precision, acquiescence };
}

function passwordOf(url: string): string {
  return url === "" ? "" : decodeURIComponent(new URL(url).password);
}
