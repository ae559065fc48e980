import { z } from "zod";
import * as assessment from "./assessment";
import * as backup from "./backup";
import * as change from "./change";
import * as data from "./data";
import * as database from "./database";
import * as diff from "./diff";
import * as embedded from "./embedded";
import { hold, stop } from "./entry";
import * as frontend from "./frontend";
import * as history from "./history";
import * as records from "./records";
import * as release from "./release";
import * as rollback from "./rollback";
import { refusal } from "./shapes";

/** What each verb prints with `--json`, by the words that one types. */
export const schemas: Readonly<Record<string, z.ZodType>> = {
  status: history.status,
  history: history.history,
  "known-good": history.knownGood,
  log: history.log,
  "log verify": history.logVerify,
  "log checkpoint": history.logCheckpoint,
  verify: rollback.verify,
  assess: rollback.assess,
  signatures: rollback.signatures,
  rollback: rollback.rollback,
  report: rollback.report,
  approve: rollback.approve,
  checklist: rollback.checklist,
  plan: rollback.planned,
  preview: rollback.preview,
  "why-not": rollback.whyNot,
  drill: rollback.drill,
  resume: rollback.resumed,
  abort: rollback.resumed,
  stop,
  start: stop,
  hold,
  unhold: hold,
  "can-rollback": assessment.canRollback,
  doctor: assessment.doctor,
  diff: diff.diff,
  "release add": release.add,
  "release list": release.list,
  "release show": release.show,
  "release archive": release.archive,
  "release take": release.take,
  toggle: change.toggles,
  rotate: change.rotate,
  "data list": data.list,
  "data clean": data.clean,
  "data restore": data.restore,
  baseline: data.baseline,
  "backup create": backup.create,
  "backup fetch": backup.fetch,
  "backup list": backup.list,
  "backup verify": backup.verify,
  "backup quality": backup.quality,
  "backup choose": backup.choose,
  "backup prune": backup.prune,
  restore: backup.restore,
  "database backup": database.backup,
  "database recover": database.recover,
  "frontend publish": frontend.publish,
  "records show": records.show,
  "records convert": records.convert,
  "local up": embedded.up,
  "local down": embedded.down,
  "local status": embedded.status,
  "local env": embedded.env,
  /** What any of them prints in place of its own where it says no, or breaks. */
  refusal,
};

/** The JSON Schema of what a verb prints, draft 2020-12. */
export function jsonSchemaOf(verb: string, schema: z.ZodType): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(schema);
  return { $schema, title: verb === "refusal" ? "A refusal or an error of rewind" : `rewind ${verb} --json`, ...rest };
}

/** Every JSON Schema, as text, by the name of its file in docs/json. */
export function schemaFiles(): Map<string, string> {
  return new Map(
    Object.entries(schemas).map(([verb, schema]) => [
      `${verb.replace(" ", "-")}.schema.json`,
      `${JSON.stringify(jsonSchemaOf(verb, schema), null, 2)}\n`,
    ]),
  );
}
