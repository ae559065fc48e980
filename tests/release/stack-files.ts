import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { releaseFiles } from "../../records/release-file";
import { loadConfig, type Loaded } from "../../release/config";

export const project = join(__dirname, "..", "..");

/** What stands under `config:` in a stack file, keys with their namespace. */
export type StackFile = Record<string, unknown>;

/** The three real stack files; the local one is the template that `rewind local up` fills in. */
export const realStackFiles = {
  local: "examples/scoring/Pulumi.local.yaml",
  staging: "Pulumi.staging.yaml",
  prod: "Pulumi.prod.yaml",
} as const;
export type RealStack = keyof typeof realStackFiles;

export function readStackFile(stack: RealStack): StackFile {
  const text = readFileSync(join(project, realStackFiles[stack]), "utf8");
  return (parse(text) as { config: StackFile }).config;
}

/** Secrets by name, for the names that a stack asks for. The values can be recognised wherever they turn up. */
export function secretsFor(stack: RealStack): Record<string, string> {
  const text = readFileSync(join(project, realStackFiles[stack]), "utf8");
  const commands = [...text.matchAll(/config set --secret --path 'rewind:secrets\.([a-z-]+)'/g)];
  const names = stack === "local" ? localSecrets : commands.map(([, name]) => name ?? "");
  return Object.fromEntries(names.map((name) => [name, valueOfSecret(name)]));
}

export const valueOfSecret = (name: string): string => `value of ${name}: Zebra%42`;

/** `rewind local up` writes these into the stack file. */
const localSecrets = [
  "database-url",
  "redis-url",
  "cache-url",
  "api-token",
  "application-access-key",
  "application-secret-key",
  "database-administrator-password",
  "database-role-password",
  "store-access-key",
  "store-secret-key",
  "stranger-access-key",
  "stranger-secret-key",
];

/** A configuration as the engine hands it over: every key with its namespace, objects as JSON. */
export function asTheEngineGivesIt(config: StackFile): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

/** A real stack file, parsed the way the program parses it, after `change` was made to it. */
export function loadReal(stack: RealStack, change: (config: StackFile) => void = () => undefined): Loaded {
  const config = { ...readStackFile(stack), "rewind:secrets": secretsFor(stack) };
  change(config);
  return loadConfig(`Pulumi.${stack}.yaml`, asTheEngineGivesIt(config), releaseFiles(project));
}
