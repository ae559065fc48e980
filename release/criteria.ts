import { definitionOf, type Definitions } from "./assessment";
import type { CheckDefinition } from "./schema/verification";
import type { Check } from "./verdict";

/** A criterion of success, and what it rests on. */
export interface Criterion {
  readonly name: string;
  /** Null where no check measures it. */
  readonly met: boolean | null;
  readonly evidence: string;
}

/** What the criteria of a rollback are judged by. */
export interface CriteriaFacts {
  readonly checks: readonly Check[];
  readonly definitions: Definitions;
  /** What was seen when the target was verified last, or before the deployment that is undone. */
  readonly before: readonly Check[] | undefined;
}

interface Rule {
  readonly name: string;
  readonly measures: (name: string, definition: CheckDefinition | undefined) => boolean;
  /** What to declare where nothing measures it. */
  readonly lacking: string;
}

const rules: readonly Rule[] = [
  {
    name: "The configuration rows are the pinned ones",
    measures: (name, definition) => (definition === undefined ? name.startsWith("rows ") : definition.kind === "row"),
    lacking: "the release pins no rows",
  },
  {
    name: "Services and functions run the pinned images",
    measures: (name, definition) => definition === undefined && name.startsWith("running "),
    lacking: "the release pins no services or functions",
  },
  {
    name: "No errors in the logs",
    measures: (_, definition) => definition?.kind === "logs",
    lacking: "no check of the kind logs is declared",
  },
  {
    name: "A test session completes",
    measures: (_, definition) => definition?.kind === "journey",
    lacking: "no check of the kind journey is declared",
  },
];

/** The criteria of success of a rollback, each met or not with its evidence. */
export function criteriaOf({ checks, definitions, before }: CriteriaFacts): Criterion[] {
  return [
    ...rules.map(({ name, measures, lacking }): Criterion => {
      const measured = checks.filter((check) => measures(check.name, definitionOf(definitions, check)));
      if (measured.length === 0) return { name, met: null, evidence: lacking };
      return { name, ...allPassed(measured) };
    }),
    worksAgain(checks, before),
  ];
}

function worksAgain(checks: readonly Check[], before: readonly Check[] | undefined): Criterion {
  const name = "Everything that worked before works again";
  const worked = before?.filter(({ result }) => result === "passed").map((check) => check.name) ?? [];
  if (worked.length === 0) return { name, met: null, evidence: "the log has no verification from before" };
  const now = new Map(checks.map((check) => [check.name, check]));
  const again = worked.flatMap((each) => now.get(each) ?? []);
  if (again.length === 0) return { name, met: null, evidence: "nothing of what worked before is asked any more" };
  const { met, evidence } = allPassed(again);
  const gone = worked.length - again.length;
  return { name, met, evidence: gone === 0 ? evidence : `${evidence}; ${gone} of before are not asked any more` };
}

function allPassed(checks: readonly Check[]): Pick<Criterion, "evidence"> & { readonly met: boolean } {
  const failed = checks.filter(({ result }) => result !== "passed");
  const [first] = failed;
  if (first === undefined) return { met: true, evidence: counted(checks) };
  return {
    met: false,
    evidence: `${first.name}: ${first.evidence}${failed.length > 1 ? ` (and ${failed.length - 1} more)` : ""}`,
  };
}

function counted(checks: readonly Check[]): string {
  const names = checks.slice(0, 3).map(({ name }) => name);
  return `${names.join(", ")}${checks.length > names.length ? ` and ${checks.length - names.length} more` : ""} passed`;
}
