import { z } from "zod";
import { digestOf } from "./canonical";
import { Digest, Name, ReleaseId, SqlIdentifier } from "./primitives";
import { Row } from "./schema/rows";

/** What a service or function ran when a baseline was taken. */
const Running = z.strictObject({
  release: z.string().nullable().describe("As what runs says itself, or else as the pin says"),
  runs: z.string().describe("The image or bundle that runs, or what was found in its place"),
  parameters: z.json().optional(),
  variables: z.record(z.string(), z.string()).optional().describe("Without those that carry secrets"),
});
export type Running = z.infer<typeof Running>;

const contents = {
  format: z.literal("rewind-baseline"),
  version: z.literal(1),
  stack: z.string().min(1),
  at: z.iso.datetime(),
  release: ReleaseId,
  pins: z.record(z.string(), ReleaseId),
  config: z.record(
    SqlIdentifier,
    z.strictObject({
      schema: SqlIdentifier,
      rows: z.array(Row).describe("All columns, in the form of a row file"),
      odd: z
        .array(z.string())
        .optional()
        .describe("The cells that JSON does not give back, by key and column; their rows have them as text"),
    }),
  ),
  services: z.record(Name, Running),
  functions: z.record(Name, Running),
  policies: z.record(Name, z.json()),
};

/** How a stack was at a time: every configuration row of every pinned table, and every version that ran. */
export const Baseline = z.strictObject({ ...contents, digest: Digest.describe("SHA-256 of all the rest") });
export type Baseline = z.infer<typeof Baseline>;

/** A baseline with the digest of its contents. */
export function sealed(baseline: Omit<Baseline, "digest">): Baseline {
  return { ...baseline, digest: digestOf(baseline) };
}

/**
 * Reads a baseline.
 * @returns the baseline, or in one line why it is none that can be used
 */
export function parseBaseline(
  text: string,
): { readonly ok: true; readonly baseline: Baseline } | { readonly ok: false; readonly reason: string } {
  const refused = (reason: string) => ({ ok: false as const, reason });
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return refused("it is damaged: no JSON, or not all of it");
  }
  const known = z.looseObject({ format: z.literal("rewind-baseline"), version: z.int() }).safeParse(raw);
  if (!known.success) return refused("it is no baseline of Rewind's");
  if (known.data.version > 1) {
    return refused(`it has version ${known.data.version}; this Rewind reads version 1`);
  }
  try {
    const parsed = Baseline.safeParse(raw);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      return refused(`it is damaged: ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? ""}`);
    }
    const { digest, ...rest } = parsed.data;
    const actual = digestOf(rest);
    return digest === actual
      ? { ok: true, baseline: parsed.data }
      : refused(`it is damaged: it has ${actual}, not ${digest}`);
  } catch {
    // Nested so deeply that nobody can have written it.
    return refused("it is damaged: nested too deeply");
  }
}
