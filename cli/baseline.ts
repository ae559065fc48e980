import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { PoolClient } from "pg";
import { readWholeTable } from "../rows/live";
import { readPolicy } from "../checks/policy";
import { describeError } from "../checks/probe";
import { locatedTable } from "../checks/row-probes";
import { tableExists } from "../rows/table";
import { whatRuns } from "../checks/running";
import { readOnly } from "../checks/sql";
import { writeAtomically } from "../records/atomic-file";
import { sealed, type Baseline } from "../release/baseline";
import { redactor } from "../release/redact";
import { patience } from "./data-list";
import { exitCodes } from "./exit-codes";
import type { BaselineJson } from "./json/data";
import { Refusal, type VerbResult } from "./result";
import { containersOf, open, withClients, type OpenedStack, type Where } from "./stack";
import { counted } from "../release/text";

/**
 * `rewind baseline`: every configuration row of every pinned table as it is, every version that runs, every policy, to a
 * file with its time. Nothing of the stack is changed.
 * @param output the file, `.rewind/baselines/<stack>-<time>.json` unless said
 * @throws Refusal when something could not be read or the file is there already: nothing was written
 */
export async function baseline(where: Where, output: string | undefined, now: Date): Promise<VerbResult<BaselineJson>> {
  const stack = await open(where);
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const file =
    output === undefined
      ? join(stack.folder, ".rewind", "baselines", `${stack.engine.name}-${time}.json`)
      : resolve(output);
  if (existsSync(file)) throw new Refusal(`${file} is there already; nothing was written`, "another --output");
  const taken = await take(stack, now);
  mkdirSync(dirname(file), { recursive: true });
  writeAtomically(file, `${JSON.stringify(taken, null, 2)}\n`);
  const tables = Object.entries(taken.config).map(([name, { rows }]) => `${counted(rows.length, "row")} of ${name}`);
  const versions = (["services", "functions"] as const).flatMap((facet) =>
    Object.entries(taken[facet]).map(([name, { release }]) => `${facet}/${name} ${release ?? "not as pinned"}`),
  );
  const odd = Object.values(taken.config).flatMap(({ odd = [] }) => odd);
  const text = [
    ...(odd.length === 0
      ? []
      : [`Warning: kept as text, for JSON does not give it back: ${odd.slice(0, 20).join(", ")}`]),
    `Baseline of ${stack.engine.name} at ${taken.at}: ${[...tables, ...versions].join(", ")}`,
    file,
    `Back: rewind release add <id> --from-baseline ${file}, then pin it`,
  ].join("\n");
  return { code: exitCodes.ok, text, json: { file, ...taken } };
}

async function take(stack: OpenedStack, now: Date): Promise<Baseline> {
  const { settings, engine } = stack;
  const { pinned, pins } = settings;
  const containers = containersOf(await engine.outputs());
  const redact = redactor(closed(stack));
  return withClients(stack, async (clients) => {
    try {
      const names = Object.keys(pinned.facets.config);
      const read = (client: PoolClient) => configIn(stack, client, names);
      const config = names.length === 0 ? {} : await readOnly(clients.database(), patience, read);
      const policies: Baseline["policies"] = {};
      for (const name of Object.keys(pinned.facets.storage)) {
        const bucket = settings.environment.objectStore?.buckets[name];
        if (bucket === undefined) continue;
        policies[name] = ((await readPolicy(clients, bucket)) ?? null) as Baseline["policies"][string];
      }
      const running = {
        services: await whatRuns(settings, clients, containers, "services"),
        functions: await whatRuns(settings, clients, containers, "functions"),
      };
      return sealed({
        ...{ format: "rewind-baseline", version: 1, stack: engine.name, at: now.toISOString() },
        ...{ release: pinned.release, pins: { ...pins }, config },
        ...withoutSecrets({ ...running, policies }, redact),
      });
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw new Refusal(
        `${redact(describeError(error))}; nothing was written`,
        "rewind verify, which says what does not answer",
      );
    }
  });
}

async function configIn(stack: OpenedStack, client: PoolClient, names: readonly string[]): Promise<Baseline["config"]> {
  const redact = redactor(stack.secrets);
  const config: Baseline["config"] = {};
  for (const name of names) {
    const located = locatedTable(stack.settings, name);
    if (located === undefined) continue;
    if (!(await tableExists(client, located))) throw new Error(`there is no table ${located.schema}.${name}`);
    const { rows, odd } = await readWholeTable(client, located);
    const text = JSON.stringify(rows);
    // Without it the baseline would be another configuration, with it no file to keep.
    if (redact(text) !== text) throw new Error(`a row of ${name} holds the value of a secret`);
    config[name] = { schema: located.schema, rows, ...(odd.length === 0 ? {} : { odd }) };
  }
  return config;
}

/** The secrets that nobody may read. An access key that the stack file names as a principal is a name. */
function closed({ settings, secrets }: OpenedStack): Record<string, string> {
  const named = new Set(Object.values(settings.environment.objectStore?.principals ?? {}).flat());
  return Object.fromEntries(Object.entries(secrets).filter(([, value]) => !named.has(value)));
}

function withoutSecrets<T>(value: T, redact: (text: string) => string): T {
  if (typeof value === "string") return redact(value) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => withoutSecrets(item, redact)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutSecrets(item, redact)])) as T;
}
