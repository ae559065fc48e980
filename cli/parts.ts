import { objectiveOf, parts as allParts, type Part } from "../release/objectives";
import type { Settings } from "../release/parse";
import { coloured, duration } from "./report";

/** What a resource of the engine belongs to, by its type and name; undefined for what is measured with another. */
export function partOf({ environment }: Pick<Settings, "environment">, type: string, name: string): Part | undefined {
  if (/(?:^|[:/])ConfigRows$/.test(type)) return "config";
  if (type.endsWith("Migrations") || type.startsWith("postgresql:")) return "schema";
  if (/^pulumi:index:Stash$/.test(type)) return "verification";
  if (/(?:Job|Jobs)(?:Cancelling|Resuming)$/.test(type)) return "jobs";
  if (/(?:FrontendRoute|Invalidation)$/.test(type) || type.startsWith("aws:cloudfront")) return "frontend";
  if (type.startsWith("aws:s3")) return "storage";
  if (type.startsWith("aws:lambda")) return "functions";
  if (/^docker:index\/(?:container|service):|:Route$/.test(type) || type.startsWith("aws:ecs")) {
    return Object.hasOwn(environment.functions ?? {}, name) ? "functions" : "services";
  }
  return undefined;
}

/** Measures a run: each part from its first beginning to its last end. */
export interface Watch {
  /** Measures something that is a part by itself. */
  readonly time: <T>(part: Part, work: () => Promise<T>) => Promise<T>;
  readonly onResource: (type: string, name: string, end: boolean) => void;
  /** What was measured so far, in milliseconds. */
  readonly parts: () => Partial<Record<Part, number>>;
  /** A line of progress: elapsed, what is left of the budget, what runs now. */
  readonly line: (what: string) => string;
}

/** Begins to measure a run against the stack's objectives. */
export function watchParts(settings: Settings, clock: () => number = () => performance.now()): Watch {
  const started = clock();
  const spans = new Map<Part, { from: number; to: number }>();
  const mark = (part: Part): void => {
    const now = clock();
    const span = spans.get(part);
    if (span === undefined) spans.set(part, { from: now, to: now });
    else span.to = now;
  };
  return {
    time: async (part, work) => {
      mark(part);
      try {
        return await work();
      } finally {
        mark(part);
      }
    },
    onResource: (type, name) => {
      const part = partOf(settings, type, name);
      if (part !== undefined) mark(part);
    },
    parts: () => Object.fromEntries([...spans].map(([part, { from, to }]) => [part, Math.round(to - from)])),
    line: (what) => {
      const elapsed = clock() - started;
      const budget = objectiveOf(settings.objectives, "total") ?? 0;
      const left =
        budget < elapsed
          ? coloured("red", `${duration(elapsed - budget)} over the budget`)
          : `${duration(budget - elapsed)} left`;
      return `[${duration(elapsed)}, ${left}] ${what}`;
    },
  };
}

/** A line per measured part beside its objective, and one for the whole. */
export function objectiveLines(
  { objectives }: Pick<Settings, "objectives">,
  total: number,
  measured: Readonly<Record<string, number>>,
): string[] {
  const rows: [string, number, number | undefined][] = [
    ...allParts.flatMap((part): [string, number, number | undefined][] => {
      const took = measured[part];
      return took === undefined ? [] : [[part, took, objectiveOf(objectives, part)]];
    }),
    ["total", total, objectiveOf(objectives, "total")],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, took, objective]) => {
    if (objective === undefined) return `  ${name.padEnd(width)}  ${duration(took)}`;
    const within = took <= objective;
    const mark = coloured(within ? "green" : "red", within ? "within" : "over");
    return `  ${name.padEnd(width)}  ${duration(took)}, ${mark} ${duration(objective)}`;
  });
}
