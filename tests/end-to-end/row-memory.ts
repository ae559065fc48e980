import { readFileSync } from "node:fs";
import { differenceOf } from "../../cli/row-files";
import { checkRowFile } from "../../rows/file";
import { planRows } from "../../rows/plan";
import { fileSource } from "../../rows/source";
import { asAdministrator } from "../../checks/administrator";
import { measureRowDrift } from "../../checks/rows";
import { poolOf, exactTexts } from "../../rows/session";
import type { ConfigRowsInputs } from "../../stacks/config-rows";
import { create, read, update } from "../../stacks/config-rows.provider";

/** What the process does: one table, from its first rows to its second, and all that looks at them. */
export interface Task {
  readonly folder: string;
  readonly name: string;
  readonly first: ConfigRowsInputs;
  readonly second: ConfigRowsInputs;
  /** What changes a row behind Rewind's back. */
  readonly edit: string;
}

/** Does all that is done with a row file, and prints how many seconds each step took and the most memory, in MB. */
async function main(): Promise<void> {
  const { folder, name, first, second, edit } = JSON.parse(readFileSync(0, "utf8")) as Task;
  const took: Record<string, number> = {};
  const step = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await work();
    took[what] = Math.round((performance.now() - began) / 100) / 10;
    return result;
  };
  const [a, b] = [first.tables[name], second.tables[name]];
  if (a === undefined || b === undefined) throw new Error(`there is no table ${name}`);
  const located = { schema: a.schema, name, table: a.definition };
  const sourceOf = (table: typeof a) => fileSource(`${folder}/${table.file}`, table.file, table);
  await step("check", () => checkRowFile(`${folder}/${a.file}`, a, a.definition));
  const { outs: one } = await step("apply", () => create(first));
  const plan = (): Promise<string[]> =>
    asAdministrator(first, (client) => planRows(client, [{ located, rows: sourceOf(b), left: [sourceOf(a)] }]));
  const problems = await step("plan", plan);
  const { outs: two } = await step("update", () => update(one ?? { ...first, applied: {} }, second));
  const found = await step("diff", () => differenceOf(folder, { file: a }, { file: b }, a.definition, 20));
  const pool = poolOf({ ...first.connection, password: first.password, ssl: false }, exactTexts);
  const drift = await step("drift", () => measureRowDrift(pool, located, [{ rows: sourceOf(b) }]));
  await pool.query(edit);
  await pool.end();
  const { props } = await step("refresh", () => read("id", two));
  const results = { problems, changed: found.changed, drift: drift.result, takenOver: props?.applied[name]?.count };
  process.stdout.write(JSON.stringify({ took, results, memory: Math.round(process.resourceUsage().maxRSS / 1024) }));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
