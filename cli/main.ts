import { createInterface } from "node:readline/promises";
import { resolve } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { ReleaseId } from "../release/primitives";
import { exitCodes } from "./exit-codes";
import { Refusal, type Tell, type VerbResult } from "./result";
import type { Level } from "./rollback";
import type { Where } from "./stack";

/** The project: where `pulumi` finds Pulumi.yaml and the program. */
const folder = resolve(__dirname, "..");
const interrupted = new AbortController();

const tell: Tell = (line) => {
  process.stderr.write(`${line}\n`);
};

/** Verbs are loaded when they are asked for: `--help` does not wait for the engine's SDK. */
const verbs = {
  demo: () => require("./demo") as typeof import("./demo"),
  hold: () => require("./hold") as typeof import("./hold"),
  local: () => require("./local") as typeof import("./local"),
  rotate: () => require("./rotate") as typeof import("./rotate"),
  toggle: () => require("./toggle") as typeof import("./toggle"),
  rollback: () => require("./rollback") as typeof import("./rollback"),
  verify: () => require("./verify") as typeof import("./verify"),
};

interface Common {
  readonly stack?: string;
  readonly json?: boolean;
}

interface ToggleFlags extends Common {
  readonly release?: boolean;
  readonly reason?: string;
  readonly apply: boolean;
}

/** Where a verb works. On the embedded environment its variables are known, so nobody has to evaluate them first. */
function where({ stack }: Common): Where {
  const foreign = process.env.PULUMI_BACKEND_URL !== undefined || (stack !== undefined && stack !== "local");
  const variables = foreign ? undefined : verbs.local().localVariables(folder);
  if (variables === undefined) return { folder, stack };
  Object.assign(process.env, variables);
  return { folder, stack: "local" };
}

function finish({ code, text, json }: VerbResult, { json: wanted }: Common): void {
  process.stdout.write(`${wanted === true ? JSON.stringify(json, null, 2) : text}\n`);
  process.exitCode = code;
}

function releaseId(text: string): string {
  const parsed = ReleaseId.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? "not a release id");
  return parsed.data;
}

/** Asks for the word `yes`. Without a terminal there is nobody to ask, and no answer is never a yes. */
async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Refusal("there is no terminal to ask on", "the same command with --yes");
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await prompt.question(`${question} Type yes: `, { signal: interrupted.signal })).trim() === "yes";
  } catch {
    // Ctrl-C and Ctrl-D are a no, too.
    return false;
  } finally {
    prompt.close();
  }
}

function program(): Command {
  const rewind = new Command("rewind")
    .description(
      "Roll a stack back to an earlier release, with verification before the first change and after the last",
    )
    .version("0.1.0")
    .showHelpAfterError("(rewind --help lists the verbs)")
    .exitOverride();
  const stack = () =>
    new Option(
      "-s, --stack <name>",
      "the stack; unless said the selected one, or local while the embedded environment is up",
    );
  const json = () => new Option("--json", "print the result as JSON");

  rewind
    .command("verify")
    .description("run every check against what runs and ask the engine what differs from the pin; changes nothing")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nThe exit code is the verdict: 0 passed, 11 failed, 12 inconclusive, 13 a check broke.\n\n  $ rewind verify --stack prod --json",
    )
    .action(async (options: Common) => {
      const { verify } = verbs.verify();
      finish(await verify(where(options)), options);
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
      const { rollback } = verbs.rollback();
      const { level, reason, yes } = options;
      const confirm = yes === true ? () => Promise.resolve(true) : confirmed;
      const wanted = {
        release,
        level,
        ...(reason === undefined ? {} : { reason }),
        tell,
        confirm,
        now: () => new Date(),
        signal: interrupted.signal,
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
        const { hold } = verbs.hold();
        finish(await hold(where(options), kind, release, options.reason), options);
      });
  }

  rewind
    .command("toggle")
    .description("list the toggles, lay one over the release, or give it back; applied and verified at once")
    .argument("[name]", "the toggle")
    .argument("[value]", "true, false or a text")
    .option("--release", "back to what the release says")
    .option("-r, --reason <text>", "why; it stands in the deployment log")
    .option("--no-apply", "only write the stack file and the log")
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", '\n  $ rewind toggle AUTOPILOT_WORKER_DISABLED true --reason "runaway jobs"')
    .action(async (name: string | undefined, value: string | undefined, options: ToggleFlags) => {
      const { listToggles, setToggle } = verbs.toggle();
      if (name === undefined) {
        finish(await listToggles(where(options)), options);
        return;
      }
      const { reason, apply, release } = options;
      if ((value === undefined) !== (release === true)) {
        throw new Refusal("expected a value, or --release", `rewind toggle ${name} true --reason "…"`);
      }
      if (reason === undefined) throw new Refusal("expected a reason", `the same command with --reason "…"`);
      const wanted = { toggle: name, value, reason, apply, tell, signal: interrupted.signal };
      finish(await setToggle(where(options), wanted), options);
    });

  rewind
    .command("rotate")
    .description("give an identity of the object store a new key, verify, and see the old one refused")
    .argument("<identity>", "the identity, as the environment names it")
    .requiredOption("-r, --reason <text>", "why; it stands in the deployment log")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      '\nBoth keys work until the new one is verified; interrupted, the same command goes on.\n\n  $ rewind rotate application --reason "leaked"',
    )
    .action(async (identity: string, options: Common & { reason: string }) => {
      const { rotate } = verbs.rotate();
      const wanted = { identity, reason: options.reason, tell, signal: interrupted.signal };
      finish(await rotate(where(options), wanted), options);
    });

  const local = rewind.command("local").description("the embedded environment: real components on this machine only");
  const given = { folder, tell, signal: interrupted.signal };
  local
    .command("up")
    .description("bring everything up, build the images, write the stack file")
    .addOption(new Option("-s, --stack <name>", "the stack to write a file for").default("local"))
    .addOption(json())
    .action(async (options: Common) => {
      finish(await verbs.local().localUp({ ...given, stack: options.stack ?? "local" }), options);
    });
  local
    .command("down")
    .description("stop what up started")
    .option("--purge", "delete what it kept, too: databases, objects, images, state")
    .addOption(json())
    .action(async (options: Common & { purge?: boolean }) => {
      finish(await verbs.local().localDown(given, options.purge === true), options);
    });
  local
    .command("status")
    .description("each part, whether it answers, and where it came from")
    .addOption(json())
    .action(async (options: Common) => {
      finish(await verbs.local().localStatus(given), options);
    });
  local
    .command("env")
    .description('the variables that plain pulumi needs: eval "$(rewind local env)"')
    .addOption(new Option("--shell <shell>", "for which shell").choices(["posix", "powershell"]).default("posix"))
    .addOption(json())
    .addHelpText(
      "after",
      '\n  $ eval "$(npx rewind local env)"\n  PS> npx rewind local env --shell powershell | Out-String | Invoke-Expression',
    )
    .action((options: Common & { shell: "posix" | "powershell" }) => {
      finish(verbs.local().localEnv(folder, options.shell), options);
    });

  rewind
    .command("demo")
    .description("deploy v1.2.1, show the rollback's diff, roll back to v1.2.0, verify")
    .action(async () => {
      finish(await verbs.demo().demo(given), {});
    });
  return rewind;
}

/** An error for people: what, and what next. Stack traces are for REWIND_DEBUG. */
function explain(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode;
    return;
  }
  const debug = process.env.REWIND_DEBUG ? (error as Error).stack : undefined;
  const message = debug ?? (error instanceof Error ? error.message : String(error));
  tell(`rewind: ${message}`);
  if (error instanceof Refusal) tell(`Next: ${error.next}`);
  if (process.argv.includes("--json")) {
    const said = error instanceof Refusal ? { outcome: "refused", next: error.next } : { outcome: "error" };
    process.stdout.write(`${JSON.stringify({ ...said, reason: message }, null, 2)}\n`);
  }
  process.exitCode = error instanceof Refusal ? exitCodes.refused : exitCodes.error;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    interrupted.abort();
    // A verb that only looks has nothing to put in order.
    if (!["rollback", "toggle", "rotate", "local", "demo"].includes(process.argv[2] ?? "")) process.exit(130);
  });
}
program().parseAsync().catch(explain);
