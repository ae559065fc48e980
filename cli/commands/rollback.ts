import { Option, type Command } from "commander";
import type { Level } from "../rollback";
import { json, releaseId, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the engine's SDK. */
const load = {
  hold: () => require("../hold") as typeof import("../hold"),
  rollback: () => require("../rollback") as typeof import("../rollback"),
  signatures: () => require("../signatures") as typeof import("../signatures"),
  verify: () => require("../verify") as typeof import("../verify"),
};

/** Verbs that look at a stack, roll it back, and hold releases. */
export function addRollback(rewind: Command, { confirmed, finish, heeded, tell }: Kit): void {
  rewind
    .command("verify")
    .description("run every check against what runs and ask the engine what differs from the pin; changes nothing")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nThe exit code is the verdict: 0 passed, 11 failed or not applied, 12 inconclusive, 13 a check broke.\n\n  $ rewind verify --stack prod --json",
    )
    .action(async (options: Common) => {
      const { verify } = load.verify();
      finish(await verify(where(options)), options);
    });

  rewind
    .command("signatures")
    .description("tell who signed each pinned image; changes nothing")
    .addOption(stack())
    .addOption(json())
    .action(async (options: Common) => {
      const { signatures } = load.signatures();
      finish(await signatures(where(options)), options);
    });

  rewind
    .command("rollback")
    .description("back up, move the pin to an earlier release, apply it, verify it, report")
    .argument("<release>", "the release to go back to", releaseId)
    .addOption(
      new Option("-l, --level <level>", "fast leaves the database alone").choices(["fast", "full"]).default("full"),
    )
    .option("-r, --reason <text>", "why, for the engine's history")
    .option("-y, --yes", "do not ask")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nRefused exits 10 and touches nothing; a failed verification exits 11.\n\n  $ rewind rollback v1.2.0 --level fast\n  $ rewind rollback v1.2.0 --yes --json",
    )
    .action(async (release: string, options: Common & { level: Level; reason?: string; yes?: boolean }) => {
      const { rollback } = load.rollback();
      const { level, reason, yes } = options;
      const confirm = yes === true ? () => Promise.resolve(true) : (question: string) => confirmed(question);
      const wanted = {
        release,
        level,
        ...(reason === undefined ? {} : { reason }),
        tell,
        confirm,
        now: () => new Date(),
        signal: heeded(),
      };
      finish(await rollback(where(options), wanted), options);
    });

  for (const kind of ["hold", "unhold"] as const) {
    rewind
      .command(kind)
      .description(
        kind === "hold" ? "refuse a release from now on, plain pulumi up included" : "allow a held release again",
      )
      .argument("<release>", "the release", releaseId)
      .requiredOption("-r, --reason <text>", "why; it is shown to whoever is refused")
      .addOption(stack())
      .addOption(json())
      .action(async (release: string, options: Common & { reason: string }) => {
        const { hold } = load.hold();
        finish(await hold(where(options), kind, release, options.reason), options);
      });
  }
}
