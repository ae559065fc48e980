import { parseSettings, settingsKeys, type Settings } from "./parse";
import { describeProblems, pathOf, type Problem } from "./problems";
import { SecretName } from "./primitives";
import { redactor } from "./redact";

/** A stack's configuration, parsed, and the values of its secrets apart from it. */
export interface Loaded {
  readonly settings: Settings;
  readonly secrets: Readonly<Record<string, string>>;
}

/** The configuration of a stack is not what it must be. The message lists every problem with its path. */
export class InvalidConfiguration extends Error {
  override readonly name = "InvalidConfiguration";
  constructor(
    file: string,
    readonly problems: readonly Problem[],
  ) {
    super(describeProblems(file, problems));
  }
}

/**
 * Parses a stack's configuration as the engine hands it over: key by key, objects as JSON. Reading it key by key would
 * make a misspelled one silence, so all of them are looked at.
 *
 * @param stack the stack's name, for messages
 * @param config every key with its namespace; secrets in clear
 * @param readFile the parsed content of a release's file, by its path in the project; may throw
 * @throws InvalidConfiguration with every problem
 */
export function loadConfig(
  stack: string,
  config: Readonly<Record<string, string>>,
  readFile: (path: string) => unknown,
): Loaded {
  const raw: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const [name, text] of Object.entries(config)) {
    if (!name.startsWith("rewind:")) continue;
    const key = name.slice("rewind:".length);
    if (!settingsKeys.includes(key)) {
      problems.push({ path: pathOf([key]), message: `no such key; a stack has ${settingsKeys.join(", ")}` });
    } else {
      raw[key] = plainTexts.has(key) ? text : fromJson(key, text, problems);
    }
  }
  const secrets = takeSecrets(raw, problems);
  const parsed = parseSettings(raw, readFile);
  if (!parsed.ok) {
    const told = new Set(problems.map(({ path }) => path));
    problems.push(...parsed.problems.filter(({ path }) => !told.has(path)));
  }
  if (!parsed.ok || problems.length > 0) {
    // A value that was put where a name belongs would be quoted.
    const redact = redactor(secrets);
    const shown = problems.map(({ path, message }) => ({ path: redact(path), message: redact(message) }));
    throw new InvalidConfiguration(`Pulumi.${stack}.yaml`, shown);
  }
  return { settings: parsed.settings, secrets };
}

/** The keys whose value is a text; every other is an object, which the engine hands over as JSON. */
const plainTexts: ReadonlySet<string> = new Set(["release", "onFailure"]);

/** Leaves the names of the secrets in `raw`, so that no rule meets a value. */
function takeSecrets(raw: Record<string, unknown>, problems: Problem[]): Record<string, string> {
  const { secrets } = raw;
  if (secrets === undefined) return {};
  if (typeof secrets !== "object" || secrets === null || Array.isArray(secrets)) {
    raw.secrets = null;
    problems.push({ path: "secrets", message: "expected an object of texts" });
    return {};
  }
  const entries = Object.entries(secrets);
  for (const [name, value] of entries) {
    const at = { path: pathOf(["secrets", name]) };
    const named = SecretName.safeParse(name);
    if (!named.success) problems.push({ ...at, message: named.error.issues[0]?.message ?? "" });
    if (typeof value !== "string") problems.push({ ...at, message: "expected a text" });
  }
  raw.secrets = entries.map(([name]) => name).filter((name) => SecretName.safeParse(name).success);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function fromJson(key: string, text: string, problems: Problem[]): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The text itself may be a secret that was set at the wrong place, so it is not quoted.
    problems.push({ path: key, message: "expected an object" });
    return undefined;
  }
}
