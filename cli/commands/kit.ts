import { resolve } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import type * as primitives from "../../release/primitives";
import type * as local from "../local";
import { preferInstalledEngine } from "../engine-path";
import type { Tell, VerbResult } from "../result";
import type { Where } from "../stack";

/** The project: where `pulumi` finds Pulumi.yaml and the program. */
export const folder = resolve(__dirname, "..", "..");

/** The flags that every verb of a stack has. */
export interface Common {
  readonly stack?: string;
  readonly json?: boolean;
}

/** What the commands need of the process; main.ts alone prints, hears signals and exits. */
export interface Kit {
  readonly tell: Tell;
  readonly finish: (result: VerbResult, options: Common) => void;
  /** The signal of Ctrl-C, for a verb that puts things in order before it ends; any other ends at once. */
  readonly heeded: () => AbortSignal;
  /** Asks until one of the words is the answer; the last of them where there is none. */
  readonly choose: (question: string, words: readonly string[]) => Promise<string>;
  /** Asks for a word. Without a terminal there is nobody to ask, and no answer is never a yes. */
  readonly confirmed: (question: string, word?: string, otherwise?: string) => Promise<boolean>;
}

/** `--stack`, as every verb of a stack has it. */
export const stack = (): Option =>
  new Option(
    "-s, --stack <name>",
    "the stack (default: the selected one, or local while the embedded environment is up)",
  );

/** `--json`, as every verb has it. */
export const json = (): Option => new Option("--json", "print the result as JSON");

/** Where a verb works. On the embedded environment its variables are known, so nobody has to evaluate them first. */
export function where({ stack }: Common): Where {
  const foreign = process.env.PULUMI_BACKEND_URL !== undefined || (stack !== undefined && stack !== "local");
  const variables = foreign ? undefined : (require("../local") as typeof local).localVariables(folder);
  if (variables === undefined) {
    process.env.PATH = preferInstalledEngine(process.env.PATH ?? "");
    return { folder, stack };
  }
  Object.assign(process.env, variables);
  return { folder, stack: "local" };
}

/** Loaded for an argument that is checked: `--help` does not wait for the schema library. */
const shapes = () => require("../../release/primitives") as typeof primitives;

/** A release id, as an argument. */
export function releaseId(text: string): string {
  const parsed = shapes().ReleaseId.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? "not a release id");
  return parsed.data;
}

/** The id of a release that is yet to be, as an argument: no other id is offered for it. */
export const newReleaseId = (text: string): string => releaseId(text);

/** A port, as an argument. */
export function portNumber(text: string): number {
  const parsed = shapes().Port.safeParse(/^\d{1,5}$/.test(text) ? Number(text) : text);
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? "not a port");
  return parsed.data;
}

/** A whole number, as an argument. */
export function count(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("expected a whole number");
  return Number(text);
}
