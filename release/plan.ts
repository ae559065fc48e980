import { canonicalJson, digestOf } from "./canonical";
import { diffPinned, type Change } from "./diff";
import type { Level } from "./level";
import type { Pinned } from "./pinned";
import type { Settings } from "./parse";
import type { Digest, ReleaseId } from "./primitives";
import { worstRisk, type Risk } from "./risk";
import { surroundingsOf } from "./snapshot";
import { facetAndEntry, type Facet } from "./schema/release";

/** How long earlier runs took, and how long this one may therefore take. */
export interface Estimate {
  /** The median of the runs, in milliseconds. */
  readonly milliseconds: number;
  /** How many runs were measured. */
  readonly runs: number;
}

/** One side of a plan. */
export interface PlannedPin {
  readonly release: ReleaseId;
  readonly digest: Digest;
  readonly pins: Readonly<Record<string, ReleaseId>>;
}

/** The intended change from the running pin to another: the one object from the question to the report. */
export interface Plan {
  readonly stack: string;
  readonly from: PlannedPin;
  readonly to: PlannedPin;
  /** SHA-256 of the environment and the declared checks that the target is applied with. */
  readonly surroundings: Digest;
  readonly level: Level;
  /** The level that would do, and why. */
  readonly advised: { readonly level: Level; readonly why: string };
  readonly changes: readonly Change[];
  /** SHA-256 of the files whose SQL the change runs and that stand in no release: migrations and bodies of functions. */
  readonly texts: Readonly<Record<string, Digest>>;
  /** The worst of the changes'; undefined where nothing changes. */
  readonly risk: Risk | undefined;
  /** Undefined before anything like it has run on the stack. */
  readonly estimate: Estimate | undefined;
  /** The deployment that the plan undoes: what was applied last. */
  readonly undoes: string | undefined;
  /** What will not come back, in a line each. */
  readonly remains: readonly string[];
  /** What speaks against it although it is allowed, in a line each. */
  readonly warnings: readonly string[];
}

/** The facets of a database: `fast` leaves them as they are. */
const ofDatabase: ReadonlySet<Facet> = new Set<Facet>(["config", "schema"]);

/** Whether a change would touch the database. */
export const touchesDatabase = ({ facet }: Pick<Change, "facet">): boolean => ofDatabase.has(facet);

/**
 * Pins what of the database would change apart, at the release that it has now: every table and the schema stay.
 * What both have alike needs no pin, so that a hold on the release that is left does not stand in the way.
 */
export function databasePins(
  from: Pick<Pinned, "sources" | "facets">,
  to: Pick<Pinned, "facets">,
): Record<string, ReleaseId> {
  const own = (facet: Facet, facets: Pinned["facets"], entry: string): unknown => {
    const entries: Record<string, unknown> = facets[facet];
    return Object.hasOwn(entries, entry) ? entries[entry] : null;
  };
  return Object.fromEntries(
    Object.entries(from.sources).filter(([path]) => {
      const [facet, entry] = facetAndEntry(path) as [Facet, string];
      return (
        ofDatabase.has(facet) &&
        canonicalJson(own(facet, from.facets, entry)) !== canonicalJson(own(facet, to.facets, entry))
      );
    }),
  );
}

/** The lowest level that does what the changes ask for. */
export function advisedLevel(changes: readonly Change[]): Plan["advised"] {
  const inDatabase = changes.filter(touchesDatabase).map(({ facet, entry }) => `${facet}/${entry}`);
  return inDatabase.length === 0
    ? { level: "fast", why: "nothing of it is in the database" }
    : { level: "full", why: `the database changes: ${inDatabase.join(", ")}` };
}

/** What no rollback brings back, as far as the changes touch it. */
export function remainsAfter(changes: readonly Change[]): string[] {
  const facets = new Set(changes.map(({ facet }) => facet));
  const some = (...wanted: readonly Facet[]): boolean => wanted.some((facet) => facets.has(facet));
  return [
    "rows that the application wrote itself stay as they are (rewind data list <name>, for those that carry a version)",
    "messages that it sent, and calls that it made, are out in the world",
    ...(some("schema")
      ? [
          "what a migration down drops is gone with its columns (rewind database recover --before <entry> --into <folder>)",
        ]
      : []),
    ...(some("frontend") ? ["a page that is open in a browser stays as it is until it is loaded again"] : []),
    ...(some("storage") ? ["objects that were written while the other policy held stay where they are"] : []),
    ...(some("services", "functions") ? ["jobs that are cancelled do not come back by themselves"] : []),
  ];
}

/**
 * The median of what earlier runs took, undefined where there was none.
 * @param milliseconds of each run
 */
export function estimateFrom(milliseconds: readonly number[]): Estimate | undefined {
  const runs = milliseconds.length;
  if (runs === 0) return undefined;
  const sorted = milliseconds.toSorted((a, b) => a - b);
  // One, or of an even number two.
  const middle = sorted.slice(Math.floor((runs - 1) / 2), Math.floor(runs / 2) + 1);
  return { milliseconds: Math.round(middle.reduce((sum, each) => sum + each) / middle.length), runs };
}

/** What is known of a stack besides its two pins. */
export interface PlanFacts {
  readonly stack: string;
  readonly undoes: string | undefined;
  readonly estimate: Estimate | undefined;
  readonly warnings: readonly string[];
  readonly texts: Plan["texts"];
}

/**
 * The plan from one pin to another.
 * @param from what runs, as the deployment log has it
 * @param to the stack as it would be pinned
 */
export function planFrom(
  from: Pick<Settings, "pinned" | "pins">,
  to: Pick<Settings, "pinned" | "pins" | "environment" | "verification" | "letGo">,
  level: Level,
  facts: PlanFacts,
): Plan {
  const changes = diffPinned(from.pinned, to.pinned, to.environment.database?.tables);
  return {
    stack: facts.stack,
    from: plannedPin(from),
    to: plannedPin(to),
    surroundings: surroundingsOf(to),
    level,
    advised: advisedLevel(changes),
    changes,
    texts: facts.texts,
    risk: worstRisk(changes.map(({ risk }) => risk)),
    estimate: facts.estimate,
    undoes: facts.undoes,
    remains: remainsAfter(changes),
    warnings: facts.warnings,
  };
}

const plannedPin = ({ pinned, pins }: Pick<Settings, "pinned" | "pins">): PlannedPin => ({
  release: pinned.release,
  digest: pinned.digest,
  pins,
});

/** The SHA-256 of a plan: who agreed to it agreed to this one. */
export const digestOfPlan = (plan: Plan): Digest => digestOf(JSON.parse(JSON.stringify(plan)));
