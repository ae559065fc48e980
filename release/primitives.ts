import { z } from "zod";

// Every command reads one stack file: a parser that zod writes for each schema costs more than it saves.
z.config({ jitless: true });
import { printable } from "./problems";

/** A pattern whose message says what was expected, shows an example, and quotes (a bounded piece of) what came. */
const pattern = (expected: string, regex: RegExp) =>
  z.string({ error: `expected ${expected}` }).regex(regex, {
    error: (issue) => `expected ${expected}, got ${quote(issue.input)}`,
  });

/** A value as it may stand in a message: JSON, on one line, at most sixty characters; look-alikes are told apart. */
export function quote(value: unknown): string {
  const text = typeof value === "string" ? value.slice(0, 100) : value;
  const quoted = value === undefined ? "nothing" : printable(JSON.stringify(text));
  return quoted.length > 60 ? `${quoted.slice(0, 57)}…` : quoted;
}

/** The name of a release, such as `v1.2.0` or `r41`. It begins with a letter, so YAML can never read it as a number. */
export const ReleaseId = pattern(
  "a release id such as v1.2.0 (a letter, then letters, digits, . _ -)",
  /^[A-Za-z][A-Za-z0-9._-]{0,62}$/,
);
export type ReleaseId = z.infer<typeof ReleaseId>;

/** `sha256:` and 64 hexadecimal digits. */
export const Digest = pattern("sha256:<64 hex>", /^sha256:[0-9a-f]{64}$/);
export type Digest = z.infer<typeof Digest>;

/** A text in which every digest keeps its first twelve digits: enough for people to tell two apart. */
export function shortDigests(text: string): string {
  return text.replace(/sha256:([0-9a-f]{12})[0-9a-f]{52}/g, "sha256:$1…");
}

const repository = "[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*";
const tag = "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}";

/**
 * An image without its registry, which the environment adds: `scoring@sha256:<64 hex>`, or with a tag for people,
 * `scoring:v1.2.0@sha256:<64 hex>`. A tag alone floats; the rules refuse it outside `local`.
 */
export const ImageReference = pattern(
  "name@sha256:<64 hex>",
  new RegExp(`^(?!.*\\.\\.)(?![^:@]{201})${repository}(?::${tag})?(?:@sha256:[0-9a-f]{64})?$`),
);
export type ImageReference = z.infer<typeof ImageReference>;

/** A whole number with its unit, never so long that a timer overflows: `500ms`, `30s`, `5m`, `24h`. */
export const Duration = pattern(
  "a duration such as 500ms, 30s or 5m",
  /^[1-9](?:[0-9]{0,6}ms|[0-9]{0,4}s|[0-9]{0,3}m|[0-9]?h)$/,
);
export type Duration = z.infer<typeof Duration>;

const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** A duration in milliseconds. */
export function milliseconds(duration: Duration): number {
  const [, amount, name] = /^(\d+)(ms|s|m|h)$/.exec(duration) ?? [];
  return Number(amount) * unit[name as keyof typeof unit];
}

const day = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])";
const timeOfDay = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\\.[0-9]{1,6})?)?";
const zone = "(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])";
const moment = "a time with its zone such as 2025-09-17T19:00:00Z";

/** A moment: without its zone a time would mean another one elsewhere. No 30th of February. */
export const Moment = pattern(moment, new RegExp(`^(?!0000)${day}T${timeOfDay}${zone}$`)).refine(
  (text) => {
    const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
    return Number.isNaN(day.getTime()) || day.toISOString().startsWith(text.slice(0, 10));
  },
  { error: (issue) => `expected ${moment}, got ${quote(issue.input)}` },
);

/** The name of a service, function, bucket or check within a stack: `api`, `score_prism`, `finalizeAssessment`. */
export const Name = pattern("a name such as api or score_prism", /^[A-Za-z][A-Za-z0-9_-]{0,62}$/);
export type Name = z.infer<typeof Name>;

/** An unquoted PostgreSQL identifier. Nothing else is ever put into SQL as a name. */
export const SqlIdentifier = pattern("a lower-case SQL identifier such as scoring_config", /^[a-z_][a-z0-9_]{0,62}$/);

/** The name of an S3 bucket. */
export const BucketName = pattern("a bucket name such as scoring-documents", /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/);

/** The name of an environment variable, of a toggle too: `AUTOPILOT_WORKER_DISABLED`. */
export const VariableName = pattern("a variable name such as LOG_LEVEL", /^[A-Z_][A-Z0-9_]{0,126}$/);

/**
 * The name under which `rewind:secrets` holds a value. The value itself never stands anywhere else, and since it may
 * have been put here by mistake, the message does not quote what came.
 */
export const SecretName = z
  .string({ error: "expected the name of a secret such as api-token" })
  .regex(/^[a-z][a-z0-9-]{0,62}$/, { error: "expected the name of a secret such as api-token" });

/** A host name or address. */
export const Host = pattern("a host such as db.internal or 127.0.0.1", /^[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,253})$/);

const port = { error: "expected a port from 1 to 65535, such as 5432" };
/** A TCP port. */
export const Port = z.int(port).min(1, port).max(65_535, port);

/** An http(s) address without a path: `https://app.example.com`, `http://127.0.0.1:9000`. */
export const Origin = pattern(
  "an http(s) address without a path such as https://app.example.com",
  /^https?:\/\/(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:]{2,45}\])(?::[0-9]{1,5})?$/,
);

/** A path on a service: `/health`. It may hold `${…}` variables. */
export const UrlPath = pattern("a path that begins with /, such as /health", /^\/[\x21-\x7e]{0,2000}$/);

/**
 * A file inside the project: no absolute path, no `..`, forward slashes, nothing that a command would take for an option,
 * and no name that is a device or another file on Windows (`nul`, `com1.yaml`, a dot at the end).
 */
export const ProjectPath = pattern(
  "a path inside the project such as releases/v1.2.0.yaml",
  /^(?![/-])(?!.*(?:\/\/|\.(?:\/|$)|(?:^|\/)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:[./]|$)))[A-Za-z0-9._/-]{1,200}$/i,
);
