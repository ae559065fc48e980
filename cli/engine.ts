import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { promisify } from "node:util";
import { CommandError, LocalWorkspace, Stack, type EngineEvent } from "@pulumi/pulumi/automation";
import { stackFileVariable } from "../project/project";
import { readStackYaml } from "../project/stack-yaml";
import { exists } from "../records/runner";
import { EngineError, reasonIn } from "./engine-reason";
import { Refusal } from "./result";
import type { StackPlace } from "./stack-file";

const execute = promisify(execFile);

/** What an operation of the engine would do, or did, to resources: `{same: 22, update: 1}`. */
export type ChangeCounts = Readonly<Record<string, number>>;

/** A stack as the engine knows it. Everything here runs the `pulumi` on the PATH. */
export interface EngineStack {
  readonly name: string;
  /** Every configuration value with its namespace, secrets in clear: they never leave this process. */
  config(): Promise<Record<string, string>>;
  /** The outputs; secrets are left out. */
  outputs(): Promise<Record<string, unknown>>;
  /** What `pulumi up` would change. Throws with the engine's reason when a preview is refused. */
  preview(options?: PreviewOptions): Promise<ChangeCounts>;
  /** Applies the pin. Throws with the engine's reason when the update fails. */
  up(message: string, options: UpOptions): Promise<void>;
  /** Puts values into `rewind:secrets`, encrypted; those of other names stay. */
  setSecrets(values: Readonly<Record<string, string>>): Promise<void>;
  /** The state, secrets encrypted. */
  exportState(): Promise<string>;
  /** Puts the state of a file, as `exportState` gave it, into the place of the present one. */
  importState(file: string): Promise<void>;
}

/** What a preview may be asked for besides. */
export interface PreviewOptions {
  /** Where the engine's own plan goes; an update that is given it does that and nothing else. */
  readonly savePlan?: string;
  /** Another stack file than the stack's own. */
  readonly configFile?: string;
  /** Hears what the engine says, with the difference of each resource. */
  readonly onOutput?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** What an update may be told besides. */
export interface UpOptions {
  readonly onOutput: (text: string) => void;
  readonly signal: AbortSignal;
  /** The engine's own plan, as a preview saved it: what is not in it is refused. */
  readonly plan?: string;
  /** Variables for the program. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Hears of each resource that begins to change, and of its end, by its type and name. */
  readonly onResource?: (type: string, name: string, failed: boolean) => void;
}

/** Somebody else holds the engine's lock: a process that lives, or one of another machine, which cannot be asked. */
export class EngineLocked extends Refusal {
  constructor(reason: string) {
    super(reason, "wait for whoever holds the lock; pulumi cancel, when nobody does", "locked");
  }
}

/** The stack's secrets cannot be decrypted: the passphrase is missing, or another one. */
export class WrongPassphrase extends Refusal {
  constructor(reason: string) {
    super(
      reason,
      "set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the stack's own; then the same command again",
    );
  }
}

/**
 * Opens a stack of the project in a folder.
 * @param place the stack, as `stackIn` found it
 * @throws Refusal when there is no such stack or no engine, and whatever is asked of it EngineError, EngineLocked or WrongPassphrase
 */
export async function openStack(folder: string, place: StackPlace): Promise<EngineStack> {
  const { reference, name } = place;
  const { stack, workspace } = await found(folder, reference);
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw error instanceof CommandError ? engineError(reasonIn(error.message)) : error;
    }
  };
  /** What a command of the engine about this stack prints. */
  const pulumi = async (...args: readonly string[]): Promise<string> => {
    try {
      const named = [...args, "--stack", stack.name, "--non-interactive"];
      return (await execute("pulumi", named, { cwd: folder, maxBuffer: 1024 ** 3 })).stdout;
    } catch (error) {
      const said = (error as { stderr?: string }).stderr?.trim() ?? "";
      throw engineError(said === "" ? String(error) : said);
    }
  };
  /** An update that was killed leaves its lock behind; nobody waits for a process that is gone. */
  const unlocked = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof EngineLocked) || !isLockedByTheDead(error.message)) throw error;
      try {
        await pulumi("cancel", "--yes");
      } catch {
        throw error;
      }
      await work();
    }
  };
  return {
    name,
    config: () =>
      run(async () => {
        const config = await workspace.getAllConfig(stack.name);
        return Object.fromEntries(Object.entries(config).map(([key, { value }]) => [key, value]));
      }),
    outputs: async () => {
      // The Automation API asks twice, to show secrets in clear as well.
      const outputs = JSON.parse(await pulumi("stack", "output", "--json")) as Record<string, unknown>;
      return Object.fromEntries(Object.entries(outputs).filter(([, value]) => value !== "[secret]"));
    },
    preview: (options = {}) => run(() => preview(stack, options)),
    up: (message, { onOutput, signal, plan, variables = {}, onResource }) =>
      unlocked(() =>
        run(async () => {
          refuseInterrupted(signal);
          workspace.envVars = { ...workspace.envVars, ...variables, ...experimental };
          await updating(stack).up({
            message,
            onOutput,
            onError: onOutput,
            showSecrets: false,
            color: "never",
            signal,
            ...(plan === undefined ? {} : { plan }),
            ...(onResource === undefined ? {} : { onEvent: tellResource(onResource) }),
          });
        }),
      ),
    setSecrets: (values) => run(() => setSecrets(folder, place, workspace, values)),
    // The Automation API's own export shows secrets in clear.
    exportState: () => pulumi("stack", "export"),
    importState: async (file) => {
      await pulumi("stack", "import", "--file", file);
    },
  };
}

/**
 * A stack to update. After an update the Automation API asks for outputs, twice, and for the history: three commands, each of
 * which derives the key from the passphrase anew, and nobody here reads what they say.
 */
function updating(stack: Stack): Stack {
  return Object.assign(Object.create(stack) as Stack, {
    outputs: () => Promise.resolve({}),
    info: () => Promise.resolve(undefined),
  });
}

async function found(folder: string, stackName: string) {
  try {
    const workspace = await LocalWorkspace.create({ workDir: folder });
    // Looking at a stack must not select it: the next plain `pulumi up` would go there. Every command names its stack.
    workspace.selectStack = () => Promise.resolve();
    const stack = await Stack.select(stackName, workspace);
    return { stack, workspace };
  } catch (error) {
    const reason = error instanceof Error ? reasonIn(error.message) : String(error);
    if (/ENOENT|not found in|command not found/i.test(reason) && reason.includes("pulumi")) {
      throw new Refusal("no Pulumi engine is on the PATH", "rewind local up");
    }
    if (/no stack named/i.test(reason)) throw new Refusal(reason, "pulumi stack ls");
    throw new EngineError(reason);
  }
}

/** The Automation API would put a value among the arguments of a process, where everybody on the machine reads it. */
async function setSecrets(
  folder: string,
  { reference, file, project }: StackPlace,
  workspace: LocalWorkspace,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const set = async (key: readonly string[], value: string): Promise<void> => {
    const args = ["config", "set", "--stack", reference, "--secret", "--non-interactive", ...key];
    const running = execute("pulumi", args, { cwd: folder });
    running.child.stdin?.end(value);
    await running;
  };
  const { secrets } = readStackYaml(readFileSync(file, "utf8"), project).raw as { secrets?: { secure?: unknown } };
  if (secrets?.secure === undefined) {
    for (const [name, value] of Object.entries(values)) await set(["--path", `rewind:secrets.${name}`], value);
    return;
  }
  // One encrypted object: it is read and written as a whole, all values at once.
  const { "rewind:secrets": all } = await workspace.getAllConfig(reference);
  await set(["rewind:secrets"], JSON.stringify({ ...(JSON.parse(all?.value ?? "{}") as object), ...values }));
}

/** The Automation API only hears of an interrupt that comes while the engine runs. */
function refuseInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new EngineError("interrupted before the engine began");
}

const lockWords = /currently locked by (\d+) lock/;

function engineError(reason: string): EngineError | EngineLocked | WrongPassphrase {
  if (/\bincorrect passphrase\b|\bpassphrase must be set\b/.test(reason)) return new WrongPassphrase(reason);
  return lockWords.test(reason) ? new EngineLocked(reason) : new EngineError(reason);
}

/** Whether every lock that the engine names is of this machine and of a process that is gone. */
function isLockedByTheDead(reason: string): boolean {
  const [, said] = lockWords.exec(reason) ?? [];
  if (said === undefined) return false;
  // The engine's words come several times over; a lock that is not understood is missing from the count.
  const locks = [
    ...new Map([...reason.matchAll(/created by \S*@(\S+) \(pid (\d+)\)/g)].map((lock) => [lock[0], lock])).values(),
  ];
  return (
    locks.length === Number(said) &&
    locks.every(([, host = "", pid = ""]) => host === hostname() && !exists(Number(pid)))
  );
}

/** Saved plans are behind this variable in the engine. */
const experimental = { PULUMI_EXPERIMENTAL: "true" };

function tellResource(tell: NonNullable<UpOptions["onResource"]>): (event: EngineEvent) => void {
  return ({ resourcePreEvent, resOutputsEvent, resOpFailedEvent }) => {
    const { metadata } = resourcePreEvent ?? resOutputsEvent ?? resOpFailedEvent ?? {};
    if (metadata === undefined || metadata.op === "same") return;
    tell(metadata.type, metadata.urn.slice(metadata.urn.lastIndexOf("::") + 2), resOpFailedEvent !== undefined);
  };
}

async function preview(
  stack: Stack,
  { savePlan, configFile, onOutput, signal }: PreviewOptions,
): Promise<ChangeCounts> {
  let counts: ChangeCounts = {};
  refuseInterrupted(signal);
  const { workspace } = stack;
  const before = workspace.envVars;
  workspace.envVars = {
    ...before,
    ...(savePlan === undefined ? {} : experimental),
    ...(configFile === undefined ? {} : { [stackFileVariable]: configFile }),
  };
  try {
    await stack.preview({
      onEvent: ({ summaryEvent }: EngineEvent) => {
        if (summaryEvent !== undefined) counts = summaryEvent.resourceChanges;
      },
      color: "never",
      ...(savePlan === undefined ? {} : { plan: savePlan }),
      ...(configFile === undefined ? {} : { configFile }),
      ...(onOutput === undefined ? {} : { onOutput, diff: true }),
      ...(signal === undefined ? {} : { signal }),
    });
  } finally {
    workspace.envVars = before;
  }
  return counts;
}
