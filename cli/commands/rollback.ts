import { InvalidArgumentError, Option, type Command } from "commander";
import { levels, type Level } from "../../release/level";
import { Refusal } from "../result";
import { json, releaseId, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the engine's SDK. */
const load = {
  approval: () => require("../approval") as typeof import("../approval"),
  checklist: () => require("../checklist") as typeof import("../checklist"),
  assess: () => require("../assess") as typeof import("../assess"),
  drill: () => require("../drill") as typeof import("../drill"),
  hold: () => require("../hold") as typeof import("../hold"),
  rollback: () => require("../rollback") as typeof import("../rollback"),
  preview: () => require("../preview") as typeof import("../preview"),
  plan: () => require("../plan") as typeof import("../plan"),
  request: () => require("../request") as typeof import("../request"),
  resume: () => require("../resume") as typeof import("../resume"),
  signatures: () => require("../signatures") as typeof import("../signatures"),
  stop: () => require("../stop") as typeof import("../stop"),
  verify: () => require("../verify") as typeof import("../verify"),
};

interface RollbackFlags extends Common {
  readonly level: Level;
  readonly reason?: string;
  readonly byPolicy?: boolean;
  readonly yes?: boolean;
}

interface ApproveFlags extends Common {
  readonly level: Exclude<Level, "manual">;
  readonly request?: string;
  readonly yes?: boolean;
}

const agreedBy = ({ yes, stack }: Common & { yes?: boolean }): "no" | "unnamed" | "named" =>
  yes !== true ? "no" : stack === undefined ? "unnamed" : "named";

function answer(text: string, before: Record<string, boolean>): Record<string, boolean> {
  const [, question, word] = /^([A-Za-z][A-Za-z0-9_-]{0,62})=(yes|no)$/.exec(text) ?? [];
  if (question === undefined) throw new InvalidArgumentError("expected QUESTION=yes or QUESTION=no");
  return { ...before, [question]: word === "yes" };
}

const level = (): Option =>
  new Option("-l, --level <level>", "fast leaves the database alone, manual asks for every change")
    .choices(levels)
    .default("full");

/** Verbs that look at a stack, roll it back, and hold releases. */
export function addRollback(rewind: Command, { choose, confirmed, finish, heeded, tell }: Kit): void {
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
    .command("assess")
    .description("before anything: the four questions, every trigger measured, what broke, how bad, what to type next")
    .addOption(new Option("--hotfix <answer>", "whether a hotfix is within reach in 15 minutes").choices(["yes", "no"]))
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nChanges nothing; the exit code is the verdict of the checks.\n\n  $ rewind assess --hotfix no",
    )
    .action(async (options: Common & { hotfix?: "yes" | "no" }) => {
      const hotfix = options.hotfix === undefined ? undefined : options.hotfix === "yes";
      finish(await load.assess().assess(where(options), { hotfix, now: () => new Date() }), options);
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
    .description("plan, back up, move the pin to an earlier release, apply it, verify it, report")
    .argument(
      "[release]",
      "the release to go back to; the last known-good one that does not run unless said",
      releaseId,
    )
    .addOption(level())
    .option("-r, --reason <text>", "why; it stands in the deployment log")
    .option("--by-policy", "only where the last update failed verification and rewind:onFailure says rollback; once")
    .option("-y, --yes", "do not ask; a production stack must be named by --stack then")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nRefused exits 10 (16 while another works, 17 when a record was changed) and touches nothing; a failed verification 11.\n\n  $ rewind rollback\n  $ rewind rollback v1.2.0 --level fast\n  $ rewind rollback v1.2.0 --yes --stack prod --json\n  $ pulumi up --yes --stack prod || rewind rollback --by-policy --yes --stack prod",
    )
    .action(async (release: string | undefined, options: RollbackFlags) => {
      const { rollback } = load.rollback();
      const { level, reason, byPolicy = false } = options;
      const wanted = {
        release,
        level,
        byPolicy,
        ...(reason === undefined ? {} : { reason }),
        agreed: agreedBy(options),
        tell,
        choose,
        confirm: confirmed,
        now: () => new Date(),
        signal: heeded(),
      } as const;
      finish(await rollback(where(options), wanted), options);
    });

  rewind
    .command("plan")
    .description("what a rollback would change, how risky it is, how long it takes, what does not come back; offline")
    .argument("[release]", "the target, as for rollback", releaseId)
    .addOption(level())
    .option("--by-hand", "as numbered commands that need no rewind, for when it fails itself")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\n  $ rewind plan\n  $ rewind plan v1.2.0 --level fast --json\n  $ rewind plan v1.2.0 --by-hand",
    )
    .action((release: string | undefined, options: Common & { level: Level; byHand?: boolean }) => {
      const { plan, planByHand } = load.plan();
      const { level } = options;
      const found =
        options.byHand === true
          ? planByHand(where(options), release, level, new Date())
          : plan(where(options), release, level);
      finish(found, options);
    });

  rewind
    .command("preview")
    .description("what the engine would change for a rollback, resource by resource; changes nothing, the pin neither")
    .argument("[release]", "the target, as for rollback", releaseId)
    .addOption(level())
    .addOption(stack())
    .addOption(json())
    .action(async (release: string | undefined, options: Common & { level: Level }) => {
      finish(await load.preview().preview(where(options), release, options.level, { tell, signal: heeded() }), options);
    });

  rewind
    .command("why-not")
    .description("everything that stands between the stack and a release; exits 10, 16 or 17 when something does")
    .argument("<release>", "the release", releaseId)
    .addOption(level())
    .addOption(stack())
    .addOption(json())
    .action((release: string, options: Common & { level: Level }) => {
      finish(load.plan().whyNot(where(options), release, options.level), options);
    });

  rewind
    .command("drill")
    .description("practise: roll back and forward again, verified and measured like a real one; not in production")
    .argument("[release]", "the target, as for rollback", releaseId)
    .option("-y, --yes", "do not ask")
    .addOption(stack())
    .addOption(json())
    .action(async (release: string | undefined, options: Common & { yes?: boolean }) => {
      const wanted = { agreed: agreedBy(options), tell, confirm: confirmed, now: () => new Date(), signal: heeded() };
      finish(await load.drill().drill(where(options), release, wanted), options);
    });

  rewind
    .command("approve")
    .description("agree to a rollback, or to a request, of somebody else, where the stack asks for it")
    .argument("[release]", "the target, as for rollback", releaseId)
    .addOption(new Option("-l, --level <level>", "as for rollback").choices(["fast", "full"]).default("full"))
    .addOption(
      new Option("--request <id>", "agree to what a refused command asked for instead of a rollback").conflicts(
        "level",
      ),
    )
    .option("-y, --yes", "do not ask; a production stack must be named by --stack then")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      `
With rewind:approval in the stack file a rollback by rewind waits for a second person, who reads the same plan and agrees to
it. So do restore, data clean, data restore, rotate and toggle: each is refused with the id of a request, and the second
person agrees to that id. A person is an account of the machine, or REWIND_OPERATOR where a pipeline or a shared account
works for one. It guards against haste, not against malice: whoever may run pulumi up needs no rewind.

  $ rewind approve v1.2.0 --stack prod
  $ rewind approve --request 20261201T052738Z-3c245c0a --stack prod`,
    )
    .action(async (release: string | undefined, options: ApproveFlags) => {
      const { level, request } = options;
      const wanted = { level, agreed: agreedBy(options), tell, confirm: confirmed, signal: heeded() };
      if (request !== undefined) {
        if (release !== undefined)
          throw new Refusal("a release and a request are two things", `rewind approve --request ${request}`);
        finish(await load.request().approveRequest(where(options), request, wanted), options);
        return;
      }
      finish(await load.approval().approve(where(options), release, wanted), options);
    });

  rewind
    .command("checklist")
    .description("every check in its checklist, and the questions that only a person can answer")
    .option("-a, --answer <question=yes|no>", "an answer beforehand; may be given again", answer, {})
    .option("--note <text>", "what goes with the answers into the deployment log")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nThe exit code is the verdict: a no is 11, a question that nobody answered 12.\n\n  $ rewind checklist\n  $ rewind checklist --answer sign-in=yes --note 'tried with a test account'",
    )
    .action(async (options: Common & { answer: Record<string, boolean>; note?: string }) => {
      // Whoever wants JSON, or has no terminal, is not asked.
      const asks = process.stdin.isTTY && options.json !== true ? choose : undefined;
      const wanted = { answers: options.answer, note: options.note, choose: asks };
      finish(await load.checklist().checklist(where(options), wanted), options);
    });

  for (const kind of ["resume", "abort"] as const) {
    rewind
      .command(kind)
      .description(
        kind === "resume"
          ? "go on with a rollback that was interrupted"
          : "give an interrupted rollback up: back to what ran before",
      )
      .option("-y, --yes", "do not ask; a production stack must be named by --stack then")
      .option("--runner-is-gone", "the rollback was begun on another machine, and nobody works on it there any more")
      .addOption(stack())
      .addOption(json())
      .action(async (options: Common & { yes?: boolean; runnerIsGone?: boolean }) => {
        const wanted = {
          gone: options.runnerIsGone === true,
          agreed: agreedBy(options),
          tell,
          confirm: confirmed,
          now: () => new Date(),
          signal: heeded(),
        };
        finish(await load.resume()[kind](where(options), wanted), options);
      });
  }

  for (const kind of ["stop", "start"] as const) {
    rewind
      .command(kind)
      .description(
        kind === "stop"
          ? "emergency stop: nothing changes the stack from now on but a rollback, plain pulumi up included"
          : "end the emergency stop",
      )
      .requiredOption("-r, --reason <text>", "why; it is shown to whoever is refused")
      .addOption(stack())
      .addOption(json())
      .action((options: Common & { reason: string }) => {
        finish(load.stop().stop(where(options), kind, options.reason), options);
      });
  }

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
