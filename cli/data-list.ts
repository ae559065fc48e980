import { tableExists } from "../rows/table";
import { countByVersion, newestRows } from "../checks/stamped";
import { describeError } from "../checks/probe";
import { readOnly } from "../checks/sql";
import { counted, shortened } from "../release/text";
import { exitCodes } from "./exit-codes";
import { momentOf, stampedNamed } from "./data-since";
import { coloured } from "./report";
import type { DataListJson } from "./json/data";
import { Refusal, type VerbResult } from "./result";
import { open, withClients, type Where } from "./stack";

/** Which rows are listed, and how many of them. */
export interface ListOptions {
  /** The stamped table, as the environment names it. */
  readonly name: string;
  readonly madeBy: string | undefined;
  /** A time, or an entry of the deployment log. */
  readonly since: string | undefined;
  readonly limit: number;
}

/** A statement that runs longer than this looks at more rows than a person does, in milliseconds. */
export const patience = 30_000;

/** `rewind data list <name>`: how many rows each version made, and the newest of them. Nothing is changed. */
export async function listData(
  where: Where,
  { name, madeBy, since, limit }: ListOptions,
): Promise<VerbResult<DataListJson>> {
  const stack = await open(where);
  const located = stampedNamed(stack.settings, name);
  const moment = momentOf(since, stack.log.entries());
  const filter = { ...(madeBy === undefined ? {} : { madeBy }), ...(moment === undefined ? {} : { since: moment }) };
  const table = `${located.schema}.${located.name}`;
  const { counts, rows } = await withClients(stack, async (clients, redact) => {
    try {
      return await readOnly(clients.database(), patience, async (client) => {
        if (!(await tableExists(client, located))) throw new Error(`there is no table ${table}`);
        return {
          counts: await countByVersion(client, located, filter),
          rows: await newestRows(client, located, filter, limit),
        };
      });
    } catch (error) {
      throw new Refusal(`${name}: ${redact(describeError(error))}`, `environment.database.stamped.${name} says where`);
    }
  });
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  const told = counts.map(({ version, count }) => `${version ?? "no version"} made ${count}`).join(", ");
  const headline = `${table}${madeBy === undefined ? "" : ` made by ${madeBy}`}${moment === undefined ? "" : ` since ${moment}`}`;
  const text = [
    coloured("bold", `${headline}: ${counted(total, "row")}${counts.length > 1 ? `; ${told}` : ""}`),
    ...tableOf(rows),
    ...(total > rows.length ? [`The newest ${rows.length} of ${total}; --limit shows more.`] : []),
  ].join("\n");
  const json = { stack: stack.engine.name, name, table, madeBy: madeBy ?? null, since: moment ?? null };
  return { code: exitCodes.ok, text, json: { ...json, total, counts, rows } };
}

/** Rows in columns, each as wide as its longest value, with the names of the columns above. */
export function tableOf(rows: readonly Readonly<Record<string, string | null>>[]): string[] {
  const [first] = rows;
  if (first === undefined) return [];
  const names = Object.keys(first);
  const cells = [names, ...rows.map((row) => names.map((name) => brief(row[name] ?? null)))];
  const widths = names.map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)));
  return cells.map((line) => `  ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")}`.trimEnd());
}

/** A value on one line: what stands in a customer's row may not move the cursor. */
function brief(value: string | null): string {
  if (value === null) return "NULL";
  return shortened(value.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�"), 60);
}
