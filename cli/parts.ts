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
  readonly onResource: (type: string, name: string, failed: boolean) => void;
  /** The parts of which the engine could not change something, and what it was. */
  readonly broken: () => Partial<Record<Part, string>>;
  /** What was measured so far, in milliseconds. */
  readonly parts: () => Partial<Record<Part, number>>;
  /** A line of progress: elapsed, what is left of the budget, what runs now. */
  readonly line: (what: string) => string;
}

/** Begins to measure a run against the stack's objectives. */
export function watchParts(settings: Settings, clock: () => number = () => performance.now()): Watch {
  const started = clock();
  const spans = new Map<Part, { from: number; to: number }>();
  const broken: Partial<Record<Part, string>> = {};
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
    onResource: (type, name, failed) => {
      const part = partOf(settings, type, name);
      if (part === undefined) return;
      mark(part);
      if (failed) broken[part] ??= `${name} (${type}) could not be changed`;
    },
    broken: () => ({ ...broken }),
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

/** What something took beside what it might have taken, both in milliseconds: `3 s, within 2 min 00 s`. */
export function against(took: number, objective: number | undefined): string {
  if (objective === undefined) return duration(took);
  return `${duration(took)}, ${took <= objective ? coloured("green", "within") : coloured("red", "over")} ${duration(objective)}`;
}

/** A line per measured part beside its objective, and one for the whole. */
export function objectiveLines({
  milliseconds,
  parts,
  objectives,
}: Readonly<Record<"parts" | "objectives", Readonly<Record<string, number>>> & { milliseconds: number }>): string[] {
  const rows = allParts.flatMap((part): [string, number][] => (parts[part] === undefined ? [] : [[part, parts[part]]]));
  rows.push(["total", milliseconds]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, took]) => `  ${name.padEnd(width)}  ${against(took, objectives[name])}`);
}
