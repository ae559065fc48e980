import { counted } from "./text";
import type { CheckDefinition } from "./schema/verification";
import type { Level } from "./level";
import type { Check, Verdict } from "./verdict";

/** What broke, the worst first: a hole in the defences, a service that is down, its data, a part of it, nothing. */
export const scopes = ["security", "down", "database", "partial", "none"] as const;
export type Scope = (typeof scopes)[number];

/** How bad it is, and in how many minutes somebody should have responded. */
export interface Severity {
  readonly name: "critical" | "high" | "medium" | "low";
  readonly minutes: number;
}

/** What is to be done about a scope. */
export interface Advice {
  readonly severity: Severity;
  /** The level of the rollback, where one is advised at all. */
  readonly level: Level | undefined;
  readonly what: string;
}

/** From the guide's assessment and the severity matrix of the records' plan. */
const advice: Readonly<Record<Scope, Advice>> = {
  security: {
    severity: { name: "critical", minutes: 2 },
    level: "full",
    what: "roll back at once: a security control fails",
  },
  down: { severity: { name: "high", minutes: 5 }, level: "fast", what: "roll back fast: the service does not answer" },
  database: {
    severity: { name: "high", minutes: 5 },
    level: "full",
    what: "roll back fully: what is in the database is not what is pinned",
  },
  partial: {
    severity: { name: "medium", minutes: 15 },
    level: undefined,
    what: "consider a hotfix first: a part is broken, the rest works",
  },
  none: {
    severity: { name: "low", minutes: 30 },
    level: undefined,
    what: "do not roll back for what was measured: every check passes",
  },
};

/** What to do about what broke. */
export const adviceFor = (scope: Scope): Advice => advice[scope];

/** The checks that a stack declares, by name; every other is Rewind's own. */
export type Definitions = Readonly<Record<string, CheckDefinition>>;

/** What a stack declares under the name of a check; undefined for one of Rewind's own. */
export const definitionOf = (definitions: Definitions, { name }: Pick<Check, "name">): CheckDefinition | undefined =>
  Object.hasOwn(definitions, name) ? definitions[name] : undefined;

/**
 * What broke, as the checks tell. A check that broke itself, or measured nothing, tells of no scope.
 * @param definitions the checks that the stack declares, by name; every other is Rewind's own
 */
export function scopeOf({ checks }: Pick<Verdict, "checks">, definitions: Definitions): Scope {
  const failed = checks.filter(({ result }) => result === "failed");
  if (failed.some((check) => isSecurity(check, definitionOf(definitions, check)))) return "security";
  const ofServices = checks.filter((check) => asksAService(check.name, definitionOf(definitions, check)));
  if (ofServices.length > 0 && ofServices.every(({ result }) => result !== "passed") && failed.length > 0)
    return "down";
  if (failed.some(({ name }) => name.startsWith("running services/"))) return "down";
  if (failed.some((check) => isOfDatabase(check.name, definitionOf(definitions, check)))) return "database";
  return failed.length > 0 ? "partial" : "none";
}

/** Whether a check tells of a security control. */
export function isSecurity(
  { name, trigger }: Pick<Check, "name" | "trigger">,
  definition: CheckDefinition | undefined,
): boolean {
  if (definition?.kind === "policy" || definition?.kind === "visibility" || definition?.kind === "signed-url")
    return true;
  if (definition === undefined && /^(?:policy|access|cors|signed URL|public access) /.test(name)) return true;
  return trigger !== undefined && /\b(?:security|gating|bypass(?:ed)?|leak(?:ed)?)\b/i.test(trigger);
}

function asksAService(name: string, definition: CheckDefinition | undefined): boolean {
  if (definition === undefined) return name.startsWith("running services/");
  return definition.kind === "http" && definition.to.startsWith("services/");
}

/** Whether a check tells of what is in the database. */
export function isOfDatabase(name: string, definition: CheckDefinition | undefined): boolean {
  if (definition === undefined) return /^(?:rows |row |migrations$|database )/.test(name);
  return definition.kind === "sql" || definition.kind === "row" || definition.kind === "stamps";
}

/** An answer to one of the four questions, with what it rests on. */
export interface Answer {
  readonly question: string;
  /** Undefined where only a person knows. */
  readonly answer: boolean | undefined;
  readonly because: string;
}

/** What the four questions are answered from. */
export interface AssessmentFacts {
  readonly checks: readonly Check[];
  readonly production: boolean;
  /** The deployment that was applied last, and how long ago in milliseconds; undefined before the first. */
  readonly last: { readonly release: string; readonly milliseconds: number } | undefined;
  /** What a person said of a hotfix within 15 minutes. */
  readonly hotfix: boolean | undefined;
}

const day = 24 * 60 * 60 * 1_000;

/** The four questions that come before any rollback. */
export function fourQuestions({ checks, production, last, hotfix }: AssessmentFacts): Answer[] {
  const failed = checks.filter(({ result }) => result === "failed");
  const names = failed
    .map(({ name }) => name)
    .slice(0, 5)
    .join(", ");
  const attempts = Math.max(0, ...failed.map((check) => check.attempts));
  return [
    {
      question: "Does it hurt the users of production?",
      answer: failed.length > 0 && production,
      because: failed.length === 0 ? "no check fails" : `${names}${production ? "" : "; the stack is not production"}`,
    },
    {
      question: "Is it more than a disturbance of the network that passes?",
      answer: failed.length > 0,
      because: failed.length === 0 ? "no check fails" : `still so after ${counted(attempts, "attempt")}`,
    },
    {
      question: "Did it begin after a deployment?",
      answer: last === undefined ? false : last.milliseconds < day ? true : undefined,
      because:
        last === undefined ? "nothing was deployed yet" : `${last.release} was applied ${ago(last.milliseconds)} ago`,
    },
    {
      question: "Is a hotfix out of reach within 15 minutes?",
      answer: hotfix === undefined ? undefined : !hotfix,
      because:
        hotfix === undefined ? "only a person knows: --hotfix yes or --hotfix no" : "said by the person who asks",
    },
  ];
}

function ago(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
