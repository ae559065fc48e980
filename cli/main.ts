import { createInterface } from "node:readline/promises";
import { resolve } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { Port, ReleaseId } from "../release/primitives";
import { exitCodes } from "./exit-codes";
import { Refusal, type Tell, type VerbResult } from "./result";
import type { Level } from "./rollback";
import type { Where } from "./stack";

/** The project: where `pulumi` finds Pulumi.yaml and the program. */
const folder = resolve(__dirname, "..");
const interrupted = new AbortController();
let isHeeded = false;

/** The signal of Ctrl-C, for a verb that puts things in order before it ends; any other ends at once. */
function heeded(): AbortSignal {
  isHeeded = true;
  return interrupted.signal;
}

const tell: Tell = (line) => {
  process.stderr.write(`${line}\n`);
};

/** Verbs are loaded when they are asked for: `--help` does not wait for the engine's SDK. */
const verbs = {
  baseline: () => require("./baseline") as typeof import("./baseline"),
  dataClean: () => require("./data-clean") as typeof import("./data-clean"),
  dataRestore: () => require("./data-restore") as typeof import("./data-restore"),
  dataList: () => require("./data-list") as typeof import("./data-list"),
  database: () => require("./database") as typeof import("./database"),
  demo: () => require("./demo") as typeof import("./demo"),
  diff: () => require("./diff") as typeof import("./diff"),
  drift: () => require("./drift") as typeof import("./drift"),
  frontend: () => require("./frontend") as typeof import("./frontend"),
  hold: () => require("./hold") as typeof import("./hold"),
  local: () => require("./local") as typeof import("./local"),
  archive: () => require("./archive") as typeof import("./archive"),
  releaseAdd: () => require("./release-add") as typeof import("./release-add"),
  releaseList: () => require("./release-list") as typeof import("./release-list"),
  rotate: () => require("./rotate") as typeof import("./rotate"),
  toggle: () => require("./toggle") as typeof import("./toggle"),
  rollback: () => require("./rollback") as typeof import("./rollback"),
  signatures: () => require("./signatures") as typeof import("./signatures"),
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

function portNumber(text: string): number {
  const parsed = Port.safeParse(/^\d{1,5}$/.test(text) ? Number(text) : text);
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? "not a port");
  return parsed.data;
}

/** Asks for a word. Without a terminal there is nobody to ask, and no answer is never a yes. */
async function confirmed(question: string, word = "yes", otherwise = "--yes"): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Refusal("there is no terminal to ask on", `the same command with ${otherwise}`);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await prompt.question(`${question} Type ${word}: `, { signal: interrupted.signal })).trim() === word;
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
      "the stack (default: the selected one, or local while the embedded environment is up)",
    );
  const json = () => new Option("--json", "print the result as JSON");

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
      const { verify } = verbs.verify();
      finish(await verify(where(options)), options);
    });

  rewind
    .command("signatures")
    .description("tell who signed each pinned image; changes nothing")
    .addOption(stack())
    .addOption(json())
    .action(async (options: Common) => {
      const { signatures } = verbs.signatures();
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
      const { rollback } = verbs.rollback();
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

  addDiff(rewind, stack, json);
  addRelease(rewind, stack, json);
  addData(rewind, stack, json);

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

  const database = rewind
    .command("database")
    .description("the database server's own backups, and its way back in time");
  database
    .command("backup")
    .description("take a base backup of the running server and verify every file of it")
    .addOption(stack())
    .addOption(json())
    .action(async (options: Common) => {
      finish(await verbs.database().databaseBackup(where(options), { tell, signal: heeded() }), options);
    });
  database
    .command("recover")
    .description("a copy of the server as it was just before an entry of the deployment log, beside the running one")
    .requiredOption("-b, --before <entry>", "the entry's id")
    .requiredOption("-i, --into <folder>", "the folder of the copy, new or empty")
    .option("-p, --port <port>", "where the copy answers, on 127.0.0.1", portNumber, 5433)
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", "\n  $ rewind database recover --before 20261121T074446Z-1ea1e940 --into /srv/recovered")
    .action(async (options: Common & { before: string; into: string; port: number }) => {
      const { before, into, port } = options;
      const wanted = { before, into, port, tell, signal: heeded() };
      finish(await verbs.database().databaseRecover(where(options), wanted), options);
    });

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
      const wanted = { toggle: name, value, reason, apply, tell, signal: heeded() };
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
      const wanted = { identity, reason: options.reason, tell, signal: heeded() };
      finish(await rotate(where(options), wanted), options);
    });

  rewind
    .command("baseline")
    .description("keep every configuration row, every version that runs and every policy in a file; changes nothing")
    .option("-o, --output <file>", "a new file, .rewind/baselines/<stack>-<time>.json unless said")
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", "\nBack to its configuration: rewind release add <id> --from-baseline <file>, then pin it.")
    .action(async (options: Common & { output?: string }) => {
      finish(await verbs.baseline().baseline(where(options), options.output, new Date()), options);
    });

  rewind
    .command("frontend")
    .description("the builds of frontends")
    .command("publish")
    .description("put the files of a folder under their digest into the stack's object store; nothing there is changed")
    .argument("<folder>", "what the frontend's own build made")
    .requiredOption("-n, --name <frontend>", "the frontend, as the environment names it")
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", "\n  $ rewind frontend publish dist --name web --stack prod")
    .action(async (from: string, options: Common & { name: string }) => {
      const { publishFrontend } = verbs.frontend();
      finish(await publishFrontend(where(options), resolve(from), options.name, heeded()), options);
    });

  const local = rewind.command("local").description("the embedded environment: real components on this machine only");
  const given = { folder, tell, signal: heeded() };
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

type MakeOption = () => Option;

function addDiff(rewind: Command, stack: MakeOption, json: MakeOption): void {
  rewind
    .command("diff")
    .description("what two releases pin differently, offline: by name, or what was verified last against the pin")
    .argument("[from]", "a release; alone, what runs is compared with it", releaseId)
    .argument("[to]", "another release", releaseId)
    .option("--rows <count>", "rows shown of each table", count, 20)
    .option("--all", "show every row")
    .option("--live", "what runs against what was applied last; exits 14 when something drifted")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nNeeds no engine, no network and no secrets, but with --live. docs/diff.md says what --json prints.\n\n  $ rewind diff\n  $ rewind diff v1.2.0\n  $ rewind diff v1.2.1 v1.2.0 --json",
    )
    .action(async (from: string | undefined, to: string | undefined, options: DiffFlags) => {
      if (options.live === true) {
        if (from !== undefined) throw new Refusal("--live compares with what was applied last", "rewind diff --live");
        finish(await verbs.drift().drift(where(options)), options);
        return;
      }
      const { diff } = verbs.diff();
      const rows = options.all === true ? Number.POSITIVE_INFINITY : options.rows;
      finish(await diff(where(options), { from, to, rows }), options);
    });
}

function addRelease(rewind: Command, stack: MakeOption, json: MakeOption): void {
  const release = rewind.command("release").description("the catalogue: add a release, look at it, keep it small");
  const several = (value: string, before: readonly string[]): string[] => [...before, value];
  release
    .command("add")
    .description("a new release from the pinned one and its changes; checked as a whole before anything is written")
    .argument("<id>", "the new release", releaseId)
    .option("--from <release>", "make it from this one instead of what is pinned", releaseId)
    .option("--image <path=image>", "services/NAME or functions/NAME and name:tag@sha256:…", several, [])
    .option("--build <path=digest>", "frontend/NAME and the digest of its build", several, [])
    .option("--row-file <path=file>", "config/TABLE and a file with its rows", several, [])
    .option("--set <path=value>", "config.TABLE.KEY.COLUMN, toggles.NAME, functions.NAME.parameters.P", several, [])
    .option("--unset <path>", "what the new release does not have: config.TABLE.KEY, toggles.NAME", several, [])
    .option("--schema <migration>", "the last migration that is applied")
    .option("--description <text>", "for people: what it brings")
    .option("--file <changes.yaml>", "a part of a release, laid over it before the rest; null removes")
    .option("--from-baseline <file>", "with the configuration rows of a baseline, those and no others")
    .option("--pin", "move the pin to it, too; what was pinned apart is not any more")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\n  $ rewind release add v1.2.3 --image services/api=scoring:v1.2.3@sha256:… --set config.scoring_config.results_version.value=v1.2.3",
    )
    .action((id: string, options: AddFlags) => {
      const { addRelease: add } = verbs.releaseAdd();
      const { from, image, build, rowFile, set, unset, schema, description, file, pin } = options;
      const lists = { images: image, builds: build, rowFiles: rowFile, values: set, removed: unset };
      const whole = { file, baseline: options.fromBaseline, pin: pin === true };
      finish(add(where(options), { id, from, ...lists, schema, description, ...whole }), options);
    });
  release
    .command("list")
    .description("every release, where it stands, and what the deployment log says of it")
    .addOption(stack())
    .addOption(json())
    .action((options: Common) => {
      finish(verbs.releaseList().listReleases(where(options)), options);
    });
  release
    .command("show")
    .description("one release: its digest, what it pins, when it was applied, verified, held")
    .argument("<id>", "the release", releaseId)
    .addOption(stack())
    .addOption(json())
    .action((id: string, options: Common) => {
      finish(verbs.releaseList().showRelease(where(options), id), options);
    });
  release
    .command("archive")
    .description("move older releases out of the stack file, to releases/<id>.yaml")
    .option("--keep <count>", "how many of the newest stay", count, 5)
    .addOption(stack())
    .addOption(json())
    .action((options: Common & { keep: number }) => {
      finish(verbs.archive().archive(where(options), options.keep), options);
    });
}

function addData(rewind: Command, stack: MakeOption, json: MakeOption): void {
  const data = rewind.command("data").description("rows that carry the version that made them");
  const since = () =>
    new Option("--since <time|entry>", "made after a time with its zone, or an entry of the deployment log");
  data
    .command("list")
    .description("how many rows each version made, and the newest of them; changes nothing")
    .argument("<name>", "the table, as environment.database.stamped names it")
    .option("--made-by <version>", "only rows that carry this version")
    .addOption(since())
    .option("--limit <count>", "how many rows are shown", count, 20)
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", "\n  $ rewind data list profiles --made-by v1.2.1 --since 2025-09-17T03:30:00Z")
    .action(async (name: string, options: DataFlags & { limit: number }) => {
      const { madeBy, since, limit } = options;
      finish(await verbs.dataList().listData(where(options), { name, madeBy, since, limit }), options);
    });
  data
    .command("clean")
    .description("archive and delete rows that a version made since the pin was applied, once counted and confirmed")
    .argument("<name>", "the table, as environment.database.stamped names it")
    .requiredOption("--made-by <version>", "the version that the rows carry")
    .addOption(since())
    .option("-r, --reason <text>", "why; it stands in the deployment log")
    .option("-y, --yes", "do not ask; needs --count")
    .option("--count <count>", "how many rows there must be", count)
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\n  $ rewind data clean profiles --made-by v1.2.1\n  $ rewind data restore <run>   undoes it",
    )
    .action(async (name: string, options: CleanFlags) => {
      const { madeBy, since, reason } = options;
      const wanted = { name, madeBy, since, reason, tell, signal: heeded() };
      finish(
        await verbs.dataClean().cleanData(where(options), { ...wanted, confirm: countConfirmed(options) }),
        options,
      );
    });
  data
    .command("restore")
    .description("bring the rows of a clean-up back as they were")
    .argument("<run>", "the clean-up, as it was reported")
    .addOption(stack())
    .addOption(json())
    .action(async (run: string, options: Common) => {
      finish(await verbs.dataRestore().restoreData(where(options), run), options);
    });
}

/** Whoever cannot be asked must know the count beforehand. */
function countConfirmed({ yes, count }: CleanFlags): (question: string, found: number) => Promise<boolean> {
  return (question, found) => {
    // Typing `yes` without reading is easy; a count has to be read.
    if (yes !== true) return confirmed(question, String(found), `--yes --count ${found}, when that is what you expect`);
    const next = `--yes --count ${found}, when that is what you expect`;
    if (count === undefined) throw new Refusal(`${found} rows, and no --count; nothing was touched`, next);
    if (count !== found) throw new Refusal(`${found} rows, not ${count}; nothing was touched`, next);
    return Promise.resolve(true);
  };
}

interface CleanFlags extends DataFlags {
  readonly madeBy: string;
  readonly reason?: string;
  readonly yes?: boolean;
  readonly count?: number;
}

interface DataFlags extends Common {
  readonly madeBy?: string;
  readonly since?: string;
}

interface AddFlags extends Common {
  readonly from?: string;
  readonly image: string[];
  readonly build: string[];
  readonly rowFile: string[];
  readonly set: string[];
  readonly unset: string[];
  readonly schema?: string;
  readonly description?: string;
  readonly file?: string;
  readonly fromBaseline?: string;
  readonly pin?: boolean;
}

interface DiffFlags extends Common {
  readonly rows: number;
  readonly all?: boolean;
  readonly live?: boolean;
}

function count(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("expected a whole number");
  return Number(text);
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
    if (!isHeeded) process.exit(130);
  });
}
program().parseAsync().catch(explain);
