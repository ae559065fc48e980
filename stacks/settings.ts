import { readFileSync, realpathSync } from "node:fs";
import { resolve, sep } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { allConfig } from "@pulumi/pulumi/runtime";
import { parse as parseYaml } from "yaml";
import type { Secrets } from "../checks/clients";
import { parseSettings, settingsKeys, type Settings } from "../release/parse";
import { describeProblems, type Problem } from "../release/problems";

/** The stack's configuration, parsed, and the values of its secrets apart from it. */
export interface Loaded {
  readonly settings: Settings;
  readonly secrets: Secrets;
}

/**
 * Reads everything under `rewind:` in the stack's configuration. Pulumi hands configuration over key by key, so a
 * misspelled key would be silence; listing all of them makes it an error.
 *
 * @throws pulumi.RunError with every problem and its path in the stack file
 */
export function loadSettings(): Loaded {
  const file = `Pulumi.${pulumi.getStack()}.yaml`;
  const raw: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const [name, text] of Object.entries(allConfig())) {
    const [namespace, key = ""] = name.split(":");
    if (namespace !== "rewind") continue;
    if (!settingsKeys.includes(key)) {
      problems.push({ path: key, message: `no such key; a stack has ${settingsKeys.join(", ")}` });
    } else {
      raw[key] = key === "release" ? text : fromJson(key, text, problems);
    }
  }
  const secrets = (raw.secrets ?? {}) as Secrets;
  if (raw.secrets !== undefined) raw.secrets = Object.keys(secrets);
  const parsed = parseSettings(raw, readReleaseFile);
  if (!parsed.ok) problems.push(...parsed.problems);
  if (!parsed.ok || problems.length > 0) throw new pulumi.RunError(describeProblems(file, problems));
  return { settings: parsed.settings, secrets };
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

/** The content of a release's file. Links that lead out of the project are refused like paths that do. */
function readReleaseFile(path: string): unknown {
  const root = realpathSync(process.cwd());
  const real = realpathSync(resolve(root, path));
  if (!real.startsWith(root + sep)) throw new Error(`${path} leads out of the project`);
  return parseYaml(readFileSync(real, "utf8"), { maxAliasCount: 100 });
}
