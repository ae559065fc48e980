import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runInNewContext } from "node:vm";
import { parse } from "yaml";
import { project } from "../release/stack-files";

/** A step of a workflow, as far as it is looked at here. */
export interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly "working-directory"?: string;
}
interface Job {
  readonly if?: string;
  readonly needs?: string;
  readonly environment?: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}
export interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: object;
  readonly jobs: Readonly<Record<string, Job>>;
}

/** Another workflow can be given, to see that it fails where this one does not. */
const file = process.env.REWIND_WORKFLOW ?? join(project, ".github", "workflows", "can-rollback.yml");
export const workflow = parse(readFileSync(file, "utf8")) as Workflow;

/** How a job ended. */
export interface RanJob {
  readonly result: "success" | "failure" | "skipped";
  readonly outputs: Readonly<Record<string, string>>;
  readonly log: string;
}

type Values = Readonly<Record<string, unknown>>;

/** Runs the scripts of the workflow, as the runner does, on checkouts of a base and a branch. */
export class Runner {
  readonly folder = mkdtempSync(join(tmpdir(), "rewind-runner-"));
  readonly workspace = join(this.folder, "workspace");
  /** What was posted as a comment, by the command that the workflow posts it with. */
  readonly comment = join(this.folder, "posted.md");
  readonly summary = join(this.folder, "summary.md");
  private readonly jobs: Record<string, RanJob> = {};

  constructor(
    private readonly repository: { readonly folder: string; readonly base: string; readonly head: string },
    private readonly values: { readonly event: Values; readonly vars: Values; readonly secrets: Values },
  ) {
    for (const each of ["workspace", "temp", "bin"]) mkdirSync(join(this.folder, each));
    const gh = `#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = --body-file ] && cp "$2" "${this.comment}"; shift; done\n`;
    writeFileSync(join(this.folder, "bin", "gh"), gh, { mode: 0o755 });
  }

  /**
   * Runs a job, or says that its condition skips it.
   * @param instead what is done in the place of a step, by its name
   */
  job(name: string, instead: Readonly<Record<string, (cwd: string) => void>> = {}): RanJob {
    const job = workflow.jobs[name];
    if (job === undefined) throw new Error(`no job ${name}`);
    const steps: Record<string, { readonly outputs: Record<string, string>; readonly conclusion: string }> = {};
    const context = (): Values => {
      const github = { event: this.values.event, repository: "acme/scoring", token: "ghs_x" };
      return { github, vars: this.values.vars, secrets: this.values.secrets, steps, needs: this.jobs };
    };
    if (job.if !== undefined && evaluate(job.if, context()) !== true) {
      return (this.jobs[name] = { result: "skipped", outputs: {}, log: "" });
    }
    let log = "";
    let failed = false;
    for (const [index, step] of job.steps.entries()) {
      if (failed || (step.if !== undefined && evaluate(step.if, context()) !== true)) continue;
      if (step.uses?.startsWith("actions/checkout@") === true) this.checkOut(step.with ?? {}, context());
      if (step.run === undefined) continue;
      const cwd = join(this.workspace, step["working-directory"] ?? ".");
      const replacement = instead[step.name ?? ""];
      if (replacement !== undefined) {
        replacement(cwd);
        continue;
      }
      const output = join(this.folder, `output-${name}-${index}`);
      const script = join(this.folder, `script-${name}-${index}.sh`);
      writeFileSync(script, step.run);
      writeFileSync(output, "");
      const given = Object.entries(step.env ?? {}).map(([key, text]) => [key, filled(text, context())]);
      const ran = spawnSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", script], {
        cwd,
        encoding: "utf8",
        maxBuffer: 64 * 1024 ** 2,
        env: {
          PATH: `${join(this.folder, "bin")}:${process.env.PATH ?? ""}`,
          HOME: this.folder,
          CI: "true",
          GITHUB_OUTPUT: output,
          GITHUB_STEP_SUMMARY: this.summary,
          GITHUB_REPOSITORY: "acme/scoring",
          RUNNER_TEMP: join(this.folder, "temp"),
          ...(Object.fromEntries(given) as Record<string, string>),
        },
      });
      log += `${ran.stdout}${ran.stderr}`;
      failed = ran.status !== 0;
      const outputs = outputsIn(readFileSync(output, "utf8"));
      if (step.id !== undefined) steps[step.id] = { outputs, conclusion: failed ? "failure" : "success" };
    }
    const outputs = Object.entries(job.outputs ?? {}).map(([key, text]) => [key, filled(text, context())]);
    const result = failed ? "failure" : "success";
    return (this.jobs[name] = { result, outputs: Object.fromEntries(outputs) as Record<string, string>, log });
  }

  posted(): string {
    return existsSync(this.comment) ? readFileSync(this.comment, "utf8") : "";
  }

  /** Without a ref the action checks out what the event is about: of a pull request the branch, merged. */
  private checkOut({ ref, path = "." }: Readonly<Record<string, unknown>>, context: Values): void {
    const { folder, head } = this.repository;
    const commit = typeof ref === "string" ? filled(ref, context) : head;
    const target = join(this.workspace, String(path));
    mkdirSync(dirname(target), { recursive: true });
    execFileSync("git", ["clone", "--quiet", "--no-checkout", "--shared", folder, target]);
    execFileSync("git", ["-C", target, "checkout", "--quiet", "--detach", commit]);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What an expression of the workflow comes to: names with points, texts, ==, !=, && and ||. */
function evaluate(expression: string, context: Values): unknown {
  const code = expression
    .replace(/^\$\{\{|\}\}$/g, "")
    .replace(/!cancelled\(\)/g, "true")
    .replace(/\b(github|vars|secrets|steps|needs)((?:\.[\w-]+)+)/g, (_, root: string, rest: string) =>
      [root, ...rest.slice(1).split(".")].reduce((value, key) => `(${value} ?? {})[${JSON.stringify(key)}]`, "context"),
    )
    .replace(/([^!=])==([^=])/g, "$1===$2")
    .replace(/!=([^=])/g, "!==$1");
  // What is not there is an empty text to the runner.
  return (runInNewContext(code, { context }) as unknown) ?? "";
}

const filled = (text: string, context: Values): string =>
  text.replace(/\$\{\{(.*?)\}\}/gs, (_, expression: string) => String(evaluate(expression.trim(), context)));

/** The outputs of a step, as the runner reads its file. */
function outputsIn(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    const [, name, end] = /^([^=<]+)<<(.+)$/.exec(line) ?? [];
    if (name !== undefined && end !== undefined) {
      const stop = lines.indexOf(end, at + 1);
      if (stop < 0) throw new Error(`the output ${name} does not end`);
      outputs[name] = lines.slice(at + 1, stop).join("\n");
      at = stop;
    } else if (line !== "") {
      const equals = line.indexOf("=");
      if (equals < 0) throw new Error(`no output: ${line}`);
      outputs[line.slice(0, equals)] = line.slice(equals + 1);
    }
  }
  return outputs;
}

/** The workflow commands that the runner carries out in a log: none between a stop and its token. */
export function commandsOf(log: string): string[] {
  const found: string[] = [];
  let token: string | undefined;
  for (const line of log.split(/\r\n|\r|\n/)) {
    const [, command, rest] = /^\s*::([\w-]+)[^:]*::(.*)$/.exec(line) ?? [];
    if (token !== undefined) {
      if (line.trim() === `::${token}::`) token = undefined;
    } else if (command === "stop-commands") token = rest;
    else if (command !== undefined || line.includes("##[")) found.push(line.trim());
  }
  if (token !== undefined) throw new Error("the commands were stopped and never let go on");
  return found;
}
