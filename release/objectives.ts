import { z } from "zod";
import { milliseconds, Duration } from "./primitives";

/** The parts of a rollback whose time is measured. */
export const parts = [
  "backup",
  "config",
  "schema",
  "services",
  "functions",
  "frontend",
  "storage",
  "jobs",
  "verification",
] as const;
export type Part = (typeof parts)[number];

/** How long a rollback, and each part of it, may take. */
export const Objectives = z.strictObject({
  total: Duration.optional().describe("The whole, from the decision to the verdict; 30m unless said"),
  data: Duration.optional().describe("A clean-up of data, which is no part of a rollback; 10m unless said"),
  ...(Object.fromEntries(parts.map((part) => [part, Duration.optional()])) as Record<
    Part,
    z.ZodOptional<typeof Duration>
  >),
});
export type Objectives = z.infer<typeof Objectives>;

/** What the plans of this product's first users ask for. */
const usual: Objectives = { total: "30m", config: "2m", functions: "5m", verification: "15m", data: "10m" };

/** The objective of a part, of the whole, or of a clean-up of data, in milliseconds; undefined where there is none. */
export function objectiveOf(objectives: Objectives | undefined, part: Part | "total" | "data"): number | undefined {
  const stated = objectives?.[part] ?? usual[part];
  return stated === undefined ? undefined : milliseconds(stated);
}
