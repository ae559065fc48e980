import { z } from "zod";
import { Duration, Name, Origin, SecretName, SqlIdentifier, UrlPath } from "../primitives";
import { areas, ofEveryCheck, OneOrMore, Text } from "./common";
import { Stamps } from "./stamped";
import { Visibility } from "./visibility";

/** A value that a JSON answer must have at the same place; objects may hold more than is named. */
const Expected = z.json();

const Request = z.strictObject({
  to: z.string().regex(/^(?:services|functions)\/[A-Za-z][A-Za-z0-9_-]{0,62}$/, { error: "expected services/NAME" }),
  method: z.enum(["GET", "POST", "PUT", "DELETE"]).optional(),
  path: UrlPath,
  bearer: SecretName.optional().describe("The secret sent as Authorization: Bearer …"),
  body: z.json().optional(),
  expect: z.strictObject({
    status: z.int().min(100).max(599),
    json: Expected.optional(),
    within: Duration.optional().describe(
      "The fastest of the attempts may take so long: the performance is degraded otherwise",
    ),
  }),
  capture: z
    .record(Name, z.string().regex(/^[A-Za-z0-9_.-]{1,200}$/))
    .optional()
    .describe("Names for values of the answer, by their path: session: session_id"),
});
export type Request = z.infer<typeof Request>;

/** A signed URL that an application gives away: how long it lives, that it reads, and that it ends. */
const SignedUrl = z.strictObject({
  kind: z.literal("signed-url"),
  ...ofEveryCheck,
  ...Request.omit({ capture: true, expect: true }).shape,
  url: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,200}$/, { error: "expected the path of the URL in the answer, such as documents.0.url" }),
  longest: Duration.describe("The longest life allowed"),
  object: z
    .strictObject({ bucket: Name, prefix: Text })
    .optional()
    .describe("Where an object is laid first, so that there is one to give away"),
});
/** Pages of a frontend that are loaded in a real browser. */
export const BrowserVisit = z.strictObject({
  to: z.string().regex(/^frontend\/[A-Za-z][A-Za-z0-9_-]{0,62}$/, { error: "expected frontend/NAME" }),
  path: OneOrMore(UrlPath),
  visible: z
    .string()
    .min(1)
    .max(1_000)
    .optional()
    .describe("A CSS selector; what it selects must be visible on every page"),
  allow: z.array(Origin).max(50).optional().describe("Other origins that the pages may ask; every other is a failure"),
});
export type BrowserVisit = z.infer<typeof BrowserVisit>;

/** What a container must not have written since the pinned release was applied. */
const Logs = z.strictObject({
  kind: z.literal("logs"),
  ...ofEveryCheck,
  of: z.string().regex(/^(?:services|functions)\/[A-Za-z][A-Za-z0-9_-]{0,62}$/, { error: "expected services/NAME" }),
  without: z
    .string()
    .min(1)
    .max(500)
    .refine(isPattern, { error: "expected a regular expression" })
    .describe("A regular expression; a line that it finds is a failure"),
});
export type Logs = z.infer<typeof Logs>;

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "u").source !== "";
  } catch {
    return false;
  }
}

/** Something that no check can measure and a person answers: `rewind checklist` asks it. */
const Question = z.strictObject({
  area: z.enum(areas),
  ask: z.string().min(1).max(300).describe("Answered with yes when all is well"),
});
export type Question = z.infer<typeof Question>;

/** One check as the stack declares it. */
export const CheckDefinition = z.discriminatedUnion(
  "kind",
  [
    z.strictObject({ kind: z.literal("http"), ...ofEveryCheck, ...Request.omit({ capture: true }).shape }),
    z.strictObject({ kind: z.literal("journey"), ...ofEveryCheck, steps: z.array(Request).min(1).max(50) }),
    z.strictObject({
      kind: z.literal("sql"),
      ...ofEveryCheck,
      query: z.string().min(1).max(10_000),
      expect: z.strictObject({ rows: z.array(z.array(z.json())) }),
    }),
    z.strictObject({ kind: z.literal("row"), ...ofEveryCheck, table: SqlIdentifier, key: Text }),
    SignedUrl,
    z.strictObject({ kind: z.literal("browser"), ...ofEveryCheck, ...BrowserVisit.shape }),
    z.strictObject({ kind: z.literal("policy"), ...ofEveryCheck, bucket: Name, prefix: Text.optional() }),
    Visibility,
    Stamps,
    Logs,
  ],
  {
    error: "expected a kind of check: http, journey, sql, row, browser, policy, visibility, stamps, signed-url or logs",
  },
);
export type CheckDefinition = z.infer<typeof CheckDefinition>;

/** How an applied release is verified. Pinned images, rows and policies are always compared with what runs. */
export const Verification = z.strictObject({
  timeout: Duration.optional(),
  deadline: Duration.optional(),
  checks: z.record(Name, CheckDefinition).optional(),
  questions: z.record(Name, Question).optional(),
});
export type Verification = z.infer<typeof Verification>;
