import { areaOf } from "./areas";
import { definitionOf, type Definitions } from "./assessment";
import { objectiveOf, type Objectives, type Part } from "./objectives";
import type { CheckDefinition } from "./schema/verification";
import { evidenceOf, type Check } from "./verdict";

/** Something that calls for more people than the one at the keyboard. */
export interface Escalation {
  readonly trigger: string;
  readonly evidence: string;
}

/** What a rollback left behind. */
export interface EscalationFacts {
  /** What verification saw; empty where it never ran. */
  readonly checks: readonly Check[];
  readonly definitions: Definitions;
  /** The parts of which the engine could not change something, with its words where it has any. */
  readonly broken: Readonly<Partial<Record<Part, string>>>;
  readonly objectives: Objectives | undefined;
  /** How long the parts that are measured took, in milliseconds. */
  readonly parts: Readonly<Partial<Record<Part, number>>>;
}

/** The triggers that fire once a rollback has ended, in the order of the plan that they are from. */
export function escalationsOf({ checks, definitions, broken, objectives, parts }: EscalationFacts): Escalation[] {
  const failed = checks.filter(({ result }) => result !== "passed");
  const inArea = (area: string): Check[] =>
    failed.filter((check) => areaOf(check, definitionOf(definitions, check)) === area);
  const ofFunctions = failed.filter((check) => asksFunctions(check.name, definitionOf(definitions, check)));
  const sql = broken.config ?? broken.schema;
  return [
    ...(sql === undefined ? [] : [{ trigger: "the rollback's SQL failed", evidence: sql }]),
    ...escalation("functions still fail afterwards", ofFunctions),
    ...escalation("data is inconsistent", inArea("data")),
    ...escalation("performance is still degraded", inArea("performance")),
    ...Object.entries(parts).flatMap(([part, took]) => {
      const objective = objectiveOf(objectives, part as Part);
      if (objective === undefined || took <= objective) return [];
      return [{ trigger: `the objective of ${part} was missed`, evidence: `${took} ms, allowed are ${objective} ms` }];
    }),
  ];
}

function escalation(trigger: string, checks: readonly Check[]): Escalation[] {
  const [first] = checks;
  if (first === undefined) return [];
  const more = checks.length > 1 ? ` (and ${checks.length - 1} more)` : "";
  return [{ trigger, evidence: `${first.name}: ${evidenceOf(first)}${more}`.slice(0, 500) }];
}

function asksFunctions(name: string, definition: CheckDefinition | undefined): boolean {
  if (definition === undefined) return name.startsWith("running functions/");
  if (definition.kind === "http" || definition.kind === "signed-url") return definition.to.startsWith("functions/");
  return definition.kind === "journey" && definition.steps.some(({ to }) => to.startsWith("functions/"));
}
