import { z } from "zod";

/** What holds customer data, as messages and the deployment log name it. */
export const HoldingPath = z
  .string()
  .regex(
    /^(?:database|database\/schema|(?:database\/schemas|config)\/[^\u0000-\u001f]{1,63}|(?:storage|services|functions)\/[A-Za-z0-9_][A-Za-z0-9_/-]{0,140})$/,
    {
      error: "expected what holds data, such as storage/documents, config/scoring_config or database",
    },
  );

/** The stack's own statements: what may be dropped although it holds data, and why. */
export const LetGo = z.record(
  HoldingPath,
  z
    .string()
    .min(10, { error: "expected a reason of ten characters or more" })
    .max(500, { error: "expected a reason of at most 500 characters" }),
);
