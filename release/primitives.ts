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

/** A name that is a device on Windows, with or without an extension, whatever its case. */
const device = "(?:con|prn|aux|nul|com[0-9]|lpt[0-9])";

/**
 * The id of a release as teams give it: a version, a date, a commit. It names files, labels and words of a command line,
 * so that it is safe on every file system and needs no quotes in a shell.
 */
export const ReleaseId = pattern(
  "a release id such as v1.2.0 or 2026-11-30 (1 to 63 letters, digits and . _ + -; a letter or digit first, no . last, no device of Windows such as nul)",
  new RegExp(`^(?!${device}(?:\\.|$))(?!.*\\.$)[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$`, "i"),
);
export type ReleaseId = z.infer<typeof ReleaseId>;

/** `sha256:` and 64 hexadecimal digits. */
export const Digest = pattern("sha256:<64 hex>", /^sha256:[0-9a-f]{64}$/);
export type Digest = z.infer<typeof Digest>;

/** A text in which every digest keeps its first twelve digits: enough for people to tell two apart. */
export function shortDigests(text: string): string {
  return text.replace(/sha256:([0-9a-f]{12})[0-9a-f]{52}/g, "sha256:$1…");
}

/** What would end a line, or move the cursor, as a piece of a pattern. Names stand in messages and logs of one line. */
const control = "\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029";

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

/** The name of an environment, of which the names of networks, volumes, services and secrets are made. */
export const EnvironmentName = pattern(
  "a name such as staging (a small letter, then small letters, digits and -; at most 63)",
  /^[a-z][a-z0-9-]{0,62}$/,
);

/** The name of a service, function, bucket or check within a stack: `api`, `score_prism`, `finalizeAssessment`. */
export const Name = pattern(
  "a name such as api or score_prism (a letter, then letters, digits, _ and -; at most 63)",
  /^[A-Za-z][A-Za-z0-9_-]{0,62}$/,
);
export type Name = z.infer<typeof Name>;

/** PostgreSQL cuts a longer name off without a word. */
const longestIdentifier = 63;

/** Why a text cannot be the name of something in PostgreSQL, or undefined. */
export function identifierProblem(text: string): string | undefined {
  const expected = "expected a PostgreSQL identifier such as scoring_config or userId";
  if (text === "") return `${expected}, got ""`;
  if (new RegExp(`[${control}]`).test(text)) return `${expected}, without control characters, got ${quote(text)}`;
  if (/\p{Cs}/u.test(text)) return `${expected} that UTF-8 can hold, got ${quote(text)}`;
  const bytes = Buffer.byteLength(text);
  return bytes <= longestIdentifier
    ? undefined
    : `${expected} of at most ${longestIdentifier} bytes: PostgreSQL cuts off the rest; ${quote(text)} has ${bytes}`;
}

/**
 * The name of a table, column, schema, role or database as PostgreSQL holds it, without the quotes of SQL. Wherever it
 * goes into SQL it is quoted, so that it may hold whatever PostgreSQL allows.
 */
export const SqlIdentifier = z
  .string({ error: "expected a PostgreSQL identifier such as scoring_config" })
  .refine((text) => identifierProblem(text) === undefined, {
    error: (issue) => identifierProblem(issue.input as string) ?? "",
  });

/**
 * The name of what the postgresql plugin writes into SQL, and reads out of a definition, without quotes: a function, its
 * schema and its arguments.
 */
export const PlainSqlIdentifier = pattern(
  "a lower-case identifier such as is_member_of (a letter or _, then letters, digits and _; at most 63): the postgresql plugin puts it into SQL without quotes",
  /^[a-z_][a-z0-9_]{0,62}$/,
);

/** The name of a database. The postgresql plugin puts it into a URL, and into a text of SQL, as it is. */
export const DatabaseName = SqlIdentifier.refine((text) => !/[?#%']/.test(text), {
  error: (issue) =>
    `expected the name of a database such as scoring-prod, without ? # % and ': the postgresql plugin puts it into a URL as it is, got ${quote(issue.input)}`,
});

/** Who asks a database server. A pooler's user is no identifier: `postgres.abcdef`, `admin@server`. */
export const DatabaseUser = pattern(
  "a database user such as postgres or admin@server (1 to 256 characters, no : and no control characters: the postgresql plugin puts it into a URL)",
  new RegExp(`^[^:${control}]{1,256}$`),
);

/** The name of an S3 bucket. */
export const BucketName = pattern("a bucket name such as scoring-documents", /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/);

/** The name of an environment variable, which a container takes whatever it holds: `ConnectionStrings__Default`. */
export const VariableName = pattern(
  "a variable name such as LOG_LEVEL or spring.datasource.url (1 to 256 characters, no = and no control characters)",
  new RegExp(`^[^=${control}]{1,256}$`),
);

/** The name of a toggle, which is also a variable and a word of a path: `AUTOPILOT_WORKER_DISABLED`, `newCheckout`. */
export const ToggleName = pattern(
  "the name of a toggle such as NEW_CHECKOUT or newCheckout (a letter or _, then letters, digits, . _ and -; at most 127)",
  /^[A-Za-z_][A-Za-z0-9._-]{0,126}$/,
);

/**
 * The name under which `rewind:secrets` holds a value. The value itself never stands anywhere else, and since it may
 * have been put here by mistake, the message does not quote what came.
 */
export const SecretName = z
  .string({ error: "expected the name of a secret such as api-token" })
  .regex(/^[a-z][a-z0-9-]{0,62}$/, { error: "expected the name of a secret such as api-token" });

const hostName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/;

/** A host name or address; one of IPv6 without brackets. */
export const Host = z
  .string({ error: "expected a host such as db.internal, 127.0.0.1 or ::1" })
  .refine((text) => hostName.test(text) || z.ipv6().safeParse(text).success, {
    error: (issue) =>
      `expected a host such as db.internal, 127.0.0.1 or ::1 (letters, digits, . _ and -, or an IPv6 address without brackets; at most 253), got ${quote(issue.input)}`,
  });

/** Whether a host is this machine, as the stack file or a URL has it. */
export const isThisMachine = (host: string): boolean => /^(?:localhost|127(?:\.[0-9]{1,3}){3}|::1|\[::1\])$/.test(host);

/** A host as a URL has it: an IPv6 address stands in brackets. */
export function hostInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/**
 * Where a database server is. The postgresql plugin makes a URL of it, and a URL has no place for the folder of a Unix
 * socket.
 */
export const DatabaseHost = z
  .string({ error: "expected a host such as db.internal, 127.0.0.1 or ::1" })
  .refine((text) => !text.startsWith("/"), {
    error: (issue) =>
      `expected a host, got the socket ${quote(issue.input)}: the postgresql plugin connects by a URL, which cannot name a socket; give the address that the server listens on, such as localhost`,
    abort: true,
  })
  .pipe(Host);

const port = { error: "expected a port from 1 to 65535, such as 5432" };
/** A TCP port. */
export const Port = z.int(port).min(1, port).max(65_535, port);

const origin = String.raw`https?://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:]{2,45}\])(?::[0-9]{1,5})?`;

/** An http(s) address without a path: `https://app.example.com`, `http://127.0.0.1:9000`. */
export const Origin = pattern(
  "an http(s) address without a path such as https://app.example.com",
  new RegExp(`^${origin}$`),
);

/** Where a proxy is told what to do: an origin, or a socket, whose path may have 107 bytes. */
export const AdminAddress = pattern(
  "an http(s) address without a path, or a socket such as unix:///run/caddy/admin.sock",
  new RegExp(`^(?:${origin}|unix://(?!.*/\\.{1,2}(?:/|$))/[\\x21-\\x7e]{1,106})$`),
);

/** A path on a service: `/health`. It may hold `${…}` variables. */
export const UrlPath = pattern("a path that begins with /, such as /health", /^\/[\x21-\x7e]{0,2000}$/);

/**
 * A file inside the project: no absolute path, no `..`, forward slashes, nothing that a command would take for an option,
 * and no name that is a device or another file on Windows (`nul`, `com1.yaml`, a dot at the end).
 */
export const ProjectPath = pattern(
  "a path inside the project such as releases/v1.2.0.yaml",
  new RegExp(`^(?![/-])(?!.*(?://|\\.(?:/|$)|(?:^|/)${device}(?:[./]|$)))[A-Za-z0-9._+/-]{1,200}$`, "i"),
);
