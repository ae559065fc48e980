import type { Command } from "commander";
import { count, folder, json, releaseId, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the engine's SDK. */
const load = {
  canRollback: () => require("../can-rollback") as typeof import("../can-rollback"),
  doctor: () => require("../doctor") as typeof import("../doctor"),
};

/** Verbs that say beforehand what would stand in the way. */
export function addAssessment(rewind: Command, { finish, tell }: Kit): void {
  rewind
    .command("can-rollback")
    .description("whether the stack can be rolled back, asked of everything that a rollback needs; changes nothing")
    .argument("[release]", "the target; every known-good release that does not run unless said", releaseId)
    .option("--limit <count>", "how many of the newest known-good releases are asked about", count, 5)
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      `
Asks what stands against it in the stack file and the log, what the gate before the first change would ask (images and
builds, signatures, row files, migrations, drift, whether every component answers), whether the newest backup is whole,
and the engine and its plugins.

Exits 0 when the named release, or one of the known-good ones, can be rolled back to. Otherwise it says what stands
between the stack and the first of them: 10, 16 or 17 something refuses it, 11 a check failed, 12 inconclusive or no release is
known to be good, 13 a check broke, as when a component does not answer. That there is no backup yet speaks against
nothing: a rollback makes one first. docs/can-rollback.md says what --json prints.

  $ rewind can-rollback
  $ rewind can-rollback v1.2.0 --stack prod --json
  $ rewind can-rollback --limit 1 || rewind doctor`,
    )
    .action(async (release: string | undefined, options: Common & { limit: number }) => {
      const wanted = { release, limit: options.limit, tell, now: new Date() };
      finish(await load.canRollback().canRollback(where(options), wanted), options);
    });

  rewind
    .command("doctor")
    .description("what to look at when nothing works: versions, stack file, log, stop, holds, disk, clock; offline")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      `
Needs no engine, no network and no stack, and changes nothing. Each line that is not ✓ names the next command.
Exits 0 when nothing is wrong, 11 when something is, 13 when a look broke; what cannot be told (?) is no error.

  $ rewind doctor
  $ rewind doctor --stack prod --json`,
    )
    .action(async (options: Common) => {
      const patient = { folder, where: () => where(options), now: new Date() };
      finish(await load.doctor().doctor(patient), options);
    });
}
