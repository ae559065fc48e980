import type { Facet } from "./schema/release";

/** How much a change can hurt: configuration and functions are low, whatever touches data medium, a schema high. */
export type Risk = "low" | "medium" | "high";

const order: readonly Risk[] = ["low", "medium", "high"];

/** What of a bucket decides who may ask, and nothing of what is kept. */
const harmless = new Set(["policy", "tags", "ownership", "cors"]);

/**
 * What a change risks. A table's rows can be put back as they were, and so can images, functions, builds, policies and
 * toggles. How a bucket keeps its objects (versions, lifecycle, encryption) touches data; a schema is the database's.
 */
export function riskOf(change: { readonly facet: Facet; readonly values: readonly { readonly path: string }[] }): Risk {
  if (change.facet === "schema") return "high";
  if (change.facet !== "storage") return "low";
  return change.values.every(({ path }) => harmless.has(path.split(".")[0] ?? "")) ? "low" : "medium";
}

/** The worst of several risks; undefined when nothing changes. */
export function worstRisk(risks: readonly Risk[]): Risk | undefined {
  return order[Math.max(...risks.map((risk) => order.indexOf(risk)))];
}
