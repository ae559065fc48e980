import { existsSync, readdirSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { stringify } from "yaml";
import { z } from "zod";
import type { Deployment } from "../records/state";
import { deploymentOf, showDeployment } from "./history";
import type { EngineHistoryJson } from "./json/history";
import { Refusal, type VerbResult } from "./result";
import { writeSealed } from "./sealed-folder";
import { readStack } from "./stack-file";
import type { Where } from "./stack";
import { matchUpdate, openUpdates, type Update } from "./updates";

/** One deployment, together with what the engine kept of it. */
export interface EngineHistoryOptions {
  readonly entries: readonly string[];
  /** A folder that is new or empty. Undefined when it is only to be told. */
  readonly exportTo: string | undefined;
}

/**
 * `rewind history <entry> --engine | --export <folder>`: the deployment as the log has it and the engine's own update,
 * and both, with the configuration and the state of then, in a folder.
 * @throws Refusal when there is no such update, or its checkpoint is not what the log says
 */
export async function historyOfEngine(
  where: Where,
  { entries, exportTo }: EngineHistoryOptions,
): Promise<VerbResult<EngineHistoryJson>> {
  const [entry, other] = entries;
  if (entry === undefined || other !== undefined) {
    throw new Refusal("the engine is asked about one deployment", "rewind history <entry> --engine");
  }
  const place = exportTo === undefined ? undefined : resolve(exportTo);
  if (place !== undefined) assertFree(place);
  const stack = readStack(where);
  const logged = stack.log.entries();
  const deployment = deploymentOf(logged, entry);
  const { code, text, json } = showDeployment(stack, logged, deployment);
  const archive = await openUpdates(stack.folder, stack.name);
  try {
    const update = matchUpdate(deployment.intent, await archive.updates(new Date(deployment.intent.at)));
    const files =
      place === undefined ? undefined : exported(stack.name, deployment, update, await archive.checkpoint(update));
    if (place !== undefined && files !== undefined) writeSealed(place, files);
    const { id, kind, start, end, message, result, resourceChanges } = update;
    const engine = { place: archive.place, id, kind, start, end, message, result, resourceChanges };
    const lines = [text, ...updateLines(update, archive.place)];
    if (files === undefined || place === undefined) return { code, text: lines.join("\n"), json: { ...json, engine } };
    const names = [...Object.keys(files), "SHA256SUMS"];
    return {
      code,
      text: [...lines, `Exported:  ${place}: ${names.join(", ")}`].join("\n"),
      json: { ...json, engine, exported: { folder: place, files: names } },
    };
  } finally {
    await archive.close();
  }
}

function assertFree(place: string): void {
  if (!existsSync(place)) return;
  if (statSync(place).isDirectory() && readdirSync(place).length === 0) return;
  throw new Refusal(`${place} is not an empty folder, and nothing in it is replaced`, "name a folder that is new");
}

function updateLines({ id, kind, start, end, result, message, resourceChanges }: Update, place: string): string[] {
  const counts = Object.entries(resourceChanges).map(([what, count]) => `${count} ${what}`);
  return [
    `Engine:    ${kind} ${result}, ${start.slice(0, 19)}Z to ${end.slice(0, 19)}Z: ${counts.join(", ") || "nothing"}`,
    `Message:   ${message.split("\n", 1)[0] || "none"}`,
    `Kept as:   ${id} in ${place}`,
  ];
}

/** Of a checkpoint what is looked at here; the rest is the engine's and is passed on as it is. */
const Checkpoint = z.object({
  checkpoint: z.object({
    stack: z.string(),
    latest: z.object({
      secrets_providers: z
        .object({ type: z.string().optional(), state: z.record(z.string(), z.unknown()).optional() })
        .optional(),
      resources: z
        .array(z.object({ type: z.string(), outputs: z.record(z.string(), z.unknown()).optional() }))
        .default([]),
    }),
  }),
});

/** The files of an export. Throws a Refusal when the checkpoint is not the one that the deployment left. */
export function exported(
  stack: string,
  { intent, outcome }: Deployment,
  { config, ...update }: Update,
  checkpoint: string,
): Record<string, string> {
  const next = `pulumi stack export --stack ${stack}`;
  const parsed = Checkpoint.safeParse(jsonOf(checkpoint));
  if (!parsed.success) {
    throw new Refusal(`the engine's checkpoint of the update ${update.id} cannot be read as one`, next);
  }
  const { stack: whose, latest } = parsed.data.checkpoint;
  const outputs = latest.resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  const { release, digest } = intent.to;
  const isOther =
    whose.split("/").at(-1) !== stack ||
    // An update that failed keeps the outputs of the one before.
    (update.result === "succeeded" && (outputs.release !== release || outputs.digest !== digest));
  if (isOther) {
    const said = typeof outputs.release === "string" ? outputs.release : "no release";
    throw new Refusal(
      `the engine's checkpoint of the update ${update.id} is of ${whose} with ${said}, not of ${stack} with ${release}`,
      next,
    );
  }
  return {
    [`Pulumi.${stack}.yaml`]: stringify({ ...secretsOf(latest.secrets_providers), config }, style),
    "checkpoint.json": checkpoint,
    "deployment.json": pretty({ intent, outcome: outcome ?? null }),
    "update.json": pretty(update),
  };
}

/** The engine would take an unquoted 2012-10-17 for a time. */
const style = { lineWidth: 0, defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" } as const;

/** What a stack file says of its secrets: without it nobody could read them again, passphrase or not. */
type SecretsProvider = z.infer<typeof Checkpoint>["checkpoint"]["latest"]["secrets_providers"];

function secretsOf({ type, state = {} }: NonNullable<SecretsProvider> = {}): object {
  if (type === "passphrase") return { encryptionsalt: state.salt };
  if (type === "cloud") return { secretsprovider: state.url, encryptedkey: state.encryptedkey };
  return {};
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
