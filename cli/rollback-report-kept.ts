import { existsSync, readFileSync } from "node:fs";
import { rollbacks } from "../records/state";
import { describeError } from "../checks/probe";
import { exitCodes } from "./exit-codes";
import type { ReportJson } from "./json/rollback";
import { Refusal, type VerbResult } from "./result";
import { reportFile, reportMarkdown, reportText, type RollbackReport } from "./rollback-report";
import { readStack } from "./stack-file";
import type { Where } from "./stack";

/**
 * `rewind report [run]`: the report of a rollback that has ended.
 * @throws Refusal when there is none
 */
export function report(where: Where, run: string | undefined, asMarkdown: boolean): VerbResult<ReportJson> {
  const { log, name } = readStack(where);
  const ended = rollbacks(log.entries()).filter((rollback) => rollback.ended !== undefined);
  const withReport = ended.filter(({ begun }) => existsSync(reportFile(log.folder, name, begun.id)));
  const found = run === undefined ? withReport.at(-1) : withReport.find(({ begun }) => begun.id === run);
  if (found === undefined) {
    const which = run === undefined ? `no rollback of ${name} has` : `no rollback ${run} of ${name} has ended and`;
    throw new Refusal(`${which} left a report`, "rewind history");
  }
  const file = reportFile(log.folder, name, found.begun.id);
  let kept: RollbackReport;
  try {
    kept = JSON.parse(readFileSync(file, "utf8")) as RollbackReport;
  } catch (error) {
    throw new Refusal(`the report of ${found.begun.id} cannot be read: ${describeError(error)}`, "rewind history");
  }
  if (kept.run !== found.begun.id) throw new Refusal(`${file} is the report of ${kept.run}`, "rewind history");
  const text = asMarkdown ? reportMarkdown(kept) : reportText(kept);
  return { code: exitCodes.ok, text: text.trimEnd(), json: kept };
}
