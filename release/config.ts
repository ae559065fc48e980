import { parseSettings, settingsKeys, type Settings } from "./parse";
import { describeProblems, pathOf, type Problem } from "./problems";
import { SecretName } from "./primitives";
import { redactor } from "./redact";
import { variableProblems } from "./rules/variables";

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

/** What a stack file's own text says beside the values that the engine hands over. */
export interface Filed {
  /** What is wrong with it; one problem of a path is enough. */
  readonly problems: readonly Problem[];
  /** A problem of a value, with the line at which it is written there. */
  readonly placed: (problem: Problem) => Problem;
}

const nowhere: Filed = { problems: [], placed: (problem) => problem };

/**
 * Parses a stack's configuration as the engine hands it over: key by key, objects as JSON. Reading it key by key would
 * make a misspelled one silence, so all of them are looked at.
 *
 * @param file the stack file's name, for messages
 * @param config every key with its namespace; secrets in clear
 * @param readFile the parsed content of a release's file, by its path in the project; may throw
 * @param filed what the stack file says, where there is one
 * @throws InvalidConfiguration with every problem
 */
export function loadConfig(
  file: string,
  config: Readonly<Record<string, string>>,
  readFile: (path: string) => unknown,
  filed: Filed = nowhere,
): Loaded {
  const raw: Record<string, unknown> = {};
  const problems: Problem[] = [...filed.problems];
  const isNoted = new Set(problems.map(({ path }) => path));
  for (const [name, text] of Object.entries(config)) {
    if (!name.startsWith("rewind:")) continue;
    const key = name.slice("rewind:".length);
    if (!settingsKeys.includes(key)) {
      const path = pathOf([key]);
      if (!isNoted.has(path)) problems.push({ path, message: `no such key; a stack has ${settingsKeys.join(", ")}` });
    } else {
      raw[key] = plainTexts.has(key) ? text : fromJson(key, text, problems);
    }
  }
  const secrets = takeSecrets(raw, problems);
  const parsed = parseSettings(raw, readFile);
  // Only here the values of secrets are known; the messages name sizes and names alone.
  const found = parsed.ok ? variableProblems(parsed.settings, secrets) : parsed.problems;
  const all = toldOnce(problems, found);
  if (!parsed.ok || all.length > 0) {
    // A value that was put where a name belongs would be quoted.
    const redact = redactor(secrets);
    const shown = all.map(filed.placed).map(({ path, message, ...place }) => ({
      ...place,
      path: redact(path),
      message: redact(message),
    }));
    throw new InvalidConfiguration(file, shown);
  }
  return { settings: parsed.settings, secrets };
}

/** Problems, and those of paths of which nothing is said yet. */
export function toldOnce(told: readonly Problem[], found: readonly Problem[]): readonly Problem[] {
  const paths = new Set(told.map(({ path }) => path));
  return [...told, ...found.filter(({ path }) => !paths.has(path))];
}

/** The keys whose value is a text; every other is an object, which the engine hands over as JSON. */
export const plainTexts: ReadonlySet<string> = new Set(["release", "onFailure"]);

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
  // A key without a value, which is not there for anybody.
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // The text itself may be a secret that was set at the wrong place, so it is not quoted.
    problems.push({ path: key, message: "expected an object" });
    return undefined;
  }
}
