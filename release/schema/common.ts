import { z } from "zod";
import { Duration, SecretName, VariableName } from "../primitives";

export const Text = z
  .string()
  .max(4_096, { error: "at most 4096 characters" })
  .regex(/^[^\0]*$/, { error: "a text with a zero byte, which no program can be given" });
/** How long a variable may be depends on what runs it: the rules say. */
export const Variables = z.record(
  VariableName,
  z.string().regex(/^[^\0]*$/, { error: "a value with a zero byte, which no program can be given" }),
);

/** A pair of keys with which an object store or AWS is asked. */
export const Credentials = z.strictObject({ accessKey: SecretName, secretKey: SecretName });

/** Why something cannot prove who it is, where it should. */
export const unproved = z.strictObject({
  reason: Text.min(10, { error: "expected a reason of ten characters or more" }),
});

/** One of something, or a list of it. */
export const OneOrMore = <T extends z.ZodType>(item: T) =>
  z.union([item, z.array(item).min(1, { error: "expected one or more" })], {
    error: "expected a text or a list of texts",
  });

/** When an attempt ends that nobody says anything of. */
export const usualTimeout = "5s";

/** When the attempts of a check end. */
const timing = {
  timeout: Duration.optional().describe("One attempt ends here"),
  deadline: Duration.optional().describe("Retrying ends here"),
};

/** What a check tells of, as the checklists of verification group it. */
export const areas = ["health", "authentication", "features", "data", "performance"] as const;
export type Area = (typeof areas)[number];

/** What every declared check may say. */
export const ofEveryCheck = {
  ...timing,
  area: z.enum(areas).optional().describe("The checklist that it belongs to; by its kind unless said"),
  trigger: z
    .string()
    .min(1, { error: "expected a few words" })
    .max(200, { error: "at most 200 characters" })
    .optional()
    .describe("The trigger of the rollback plan that the check is: token gating bypassed"),
};
