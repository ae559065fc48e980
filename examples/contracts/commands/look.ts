import { existsSync, readdirSync } from "node:fs";
import { InvalidArgumentError, Option } from "commander";
import { isReadable } from "../../../recovery/backups/read";
import { Duration, milliseconds } from "../../../release/primitives";
import { firedOf, planThresholds, type Trigger } from "../../../release/triggers";
import { judge, type Check } from "../../../release/verdict";
import { lineOfAvailability, percentOf, wanted, watch } from "../availability";
import { backupsInOrder } from "../backup";
import { checksOf, measureBackend } from "../benchmark";
import { urlsIn } from "../chain/client";
import { backends, readAll, type Backend, type Home } from "../home";
import { aspectsOf, inspect, lineOf, tryCrud } from "../inspect";
import { measureTriggers } from "../measure";
import { soundRecords } from "../migrate";
import { reportOf, rollbackChecks, validation } from "../report";
import { codes, done, ofChecks, type VerbResult } from "../result";
import { aspects, countOf, type Aspect } from "../validate";
import { backend, chosen, chosenStore, type AddVerbs } from "./kit";

interface ValidateFlags {
  readonly quick?: boolean;
  readonly only?: Aspect;
  readonly backend?: Backend;
}

/** Verbs that look, and change nothing. */
export const addLook: AddVerbs = (program, kit) => {
  program
    .command("validate")
    .description("every record: fields, checksums, counts, hashes, arguments, timestamps, consistency of the networks")
    .option("--quick", "what can be seen at once: readable, complete, well-formed")
    .addOption(new Option("--only <aspect>", "one aspect").choices([...aspects]))
    .addOption(backend())
    .action(async (options: ValidateFlags) => {
      const { checks, findings } = await inspect(chosenStore(kit, options), aspectsOf(options), kit.now());
      kit.finish(ofChecks(`Records in ${chosen(kit, options)}`, checks, findings.map(lineOf)));
    });
  program
    .command("count")
    .description("how many contracts there are, on how many networks")
    .addOption(backend())
    .action(async (options: ValidateFlags) => {
      const { contracts, networks } = countOf(await readAll(chosenStore(kit, options)));
      kit.finish(done(`${contracts} contracts on ${networks} networks`));
    });
  program
    .command("consistency")
    .description("the same code on all networks, no address twice")
    .addOption(backend())
    .action(async (options: ValidateFlags) => {
      const { checks, findings } = await inspect(chosenStore(kit, options), ["cross-network", "hashes"], kit.now());
      kit.finish(ofChecks("Networks", checks, findings.map(lineOf)));
    });
  program
    .command("crud")
    .description("create, read, update and delete a record that is nobody's")
    .addOption(backend())
    .action(async (options: ValidateFlags) => {
      kit.finish(ofChecks(`Operations on ${chosen(kit, options)}`, [await tryCrud(chosenStore(kit, options))]));
    });
  program
    .command("backups")
    .description("the backups in the order in which they would be chosen, each verified and scored")
    .action(async () => {
      const lines = (await backupsInOrder(kit.home(), kit.now())).map(({ backup, against, score }) => {
        const what = isReadable(backup) ? `${backup.occasion} ${backup.manifest?.name ?? ""}` : "";
        return `${backup.id}  ${score}/100  ${against ?? "valid"}  ${what}`.trimEnd();
      });
      kit.finish(done(...(lines.length > 0 ? lines : ["there is no backup"])));
    });
  program
    .command("validate-rollback")
    .description("whether a rollback came to its end: the plan's five lines")
    .addOption(backend())
    .action(async (options: ValidateFlags) => {
      const found = await validation(kit.home(), chosen(kit, options), urlsIn(kit.env), kit.now());
      kit.finish(ofChecks("After the rollback", rollbackChecks(found)));
    });
  program
    .command("report")
    .description("the validation report, in Markdown; kept in the incident's folder")
    .argument("[incident]", "the incident (default: the newest)")
    .addOption(backend())
    .action(async (incident: string | undefined, options: ValidateFlags) => {
      const found = await validation(kit.home(), chosen(kit, options), urlsIn(kit.env), kit.now());
      const { result } = judge([...found.integrity, ...found.operations, ...found.performance]);
      const text = reportOf(kit.home(), incident ?? newestIncident(kit.home()), found, kit.now());
      kit.finish({ code: codes[result], text });
    });
  program
    .command("benchmark")
    .description("reads, writes and memory of both backends with these records, against the plan's ranges")
    .option("--rounds <count>", "how often each is measured", Number, 30)
    .action(async ({ rounds }: { readonly rounds: number }) => {
      const records = await soundRecords(chosenStore(kit, {}), kit.now());
      const checks: Check[] = [];
      for (const each of backends) {
        checks.push(...checksOf(each, await measureBackend(each, records, rounds, kit.home().folder)));
      }
      kit.finish(ofChecks(`${records.length} records`, checks));
    });
  program
    .command("availability")
    .description("read all the time, and say how available the records were")
    .option("--for <duration>", "how long (default: until Ctrl-C)", millisecondsOf)
    .action(async (options: { readonly for?: number }) => {
      const told = new AbortController();
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        process.once(signal, () => {
          told.abort();
        });
      }
      const signals = options.for === undefined ? [told.signal] : [told.signal, AbortSignal.timeout(options.for)];
      kit.tell("watching");
      const found = await watch(kit.home(), kit.env, AbortSignal.any(signals));
      const code = percentOf(found) >= wanted ? codes.passed : codes.failed;
      kit.finish({ code, text: lineOfAvailability(found) });
    });
  program
    .command("triggers")
    .description("measure, and say which triggers of a rollback have fired")
    .option("--for <duration>", "measure so long, such as 5m (default: once)", millisecondsOf, 0)
    .option("--every <duration>", "how often", millisecondsOf, 5_000)
    .option("--window <duration>", "how long a threshold must be exceeded", millisecondsOf, planThresholds.window)
    .action(async (options: { readonly for: number; readonly every: number; readonly window: number }) => {
      const gap = Math.min(planThresholds.gap, options.window);
      const thresholds = { ...planThresholds, window: options.window, gap };
      const rhythm = { every: options.every, during: options.for, now: kit.now };
      const all = await measureTriggers(kit.home(), chosen(kit, {}), thresholds, rhythm);
      kit.finish(ofTriggers(all));
    });
};

/** Fired ones first, with what they lead to. */
function ofTriggers(all: readonly Trigger[]): VerbResult {
  const checks = all.map(({ name, result, evidence }) => ({ name, result, evidence, milliseconds: 0, attempts: 1 }));
  const fired = firedOf(all).map(
    ({ name, severity, rollback }) =>
      `${severity.name}: ${name}; respond within ${severity.minutes} min, roll back ${rollback}`,
  );
  const [worst] = firedOf(all);
  const isUrgent = worst?.severity.name === "critical" || worst?.severity.name === "high";
  const next = isUrgent ? ["Next: node examples/contracts/contracts.js rollback-to-leveldb"] : [];
  return ofChecks("Triggers", checks, [...fired, ...next]);
}

function newestIncident(home: Home): string | undefined {
  const folder = home.at("logs", "incidents");
  return existsSync(folder) ? readdirSync(folder).sort().at(-1) : undefined;
}

/** A duration, as an argument. */
function millisecondsOf(text: string): number {
  const parsed = Duration.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? "not a duration");
  return milliseconds(parsed.data);
}
