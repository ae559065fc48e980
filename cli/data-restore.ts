import { describeError } from "../checks/probe";
import { refuseWhileStopped } from "./apply";
import { archivedRows, restoreRows } from "./data-archive";
import { recorded } from "./data-recorded";
import { exitCodes } from "./exit-codes";
import { coloured } from "./report";
import type { DataRestoreJson } from "./json/data";
import { refuseUnrequested } from "./request";
import { Refusal, type VerbResult } from "./result";
import { open, type Where } from "./stack";
import { counted } from "../release/text";

/**
 * `rewind data restore <run>`: brings the rows of a clean-up back exactly as they were, all of them or none.
 * @throws Refusal when there is no such clean-up, it was undone already, or a row stands in the way
 */
export async function restoreData(where: Where, run: string): Promise<VerbResult<DataRestoreJson>> {
  const stack = await open(where);
  refuseWhileStopped(stack);
  const archived = await archivedRows(stack, run).catch((error: unknown) => {
    throw new Refusal(`${describeError(error)}; nothing was touched`, "rewind verify, which says what does not answer");
  });
  if (archived === undefined) {
    const known = stack.log
      .entries()
      .flatMap((entry) =>
        entry.kind === "data" && entry.act === "clean" && entry.step === "finished" ? [entry.run] : [],
      );
    throw new Refusal(
      `no clean-up ${JSON.stringify(run)} in this database; the log knows ${known.slice(-5).join(", ") || "of none"}`,
      "rewind data restore <run>",
    );
  }
  const { schema, name, count } = archived;
  const table = `${schema}.${name}`;
  if (archived.restored > 0)
    throw new Refusal(`the ${count} rows of ${run} were brought back already`, "rewind data list <name>");
  refuseUnrequested(stack, `data restore: bring ${counted(count, "row")} of ${table} back that ${run} deleted`);
  const change = { kind: "data", act: "restore", run, table, count } as const;
  stack.log.append({ ...change, step: "begun" });
  await recorded(stack, change, `rewind data restore ${run}`, () => restoreRows(stack, run, archived));
  const text = `${coloured("green", `RESTORED: ${counted(count, "row")} of ${table}, as they were`)}\ndeployment log: ${stack.log.location}`;
  return { code: exitCodes.ok, text, json: { stack: stack.engine.name, outcome: "restored", run, table, count } };
}
