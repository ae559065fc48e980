import { z } from "zod";
import { OneOrMore, Text } from "./common";

const Action = z.string().regex(/^(?:\*|s3:[A-Za-z*?]{1,64})$/i, { error: "expected an action such as s3:GetObject" });
const Resource = z.string().regex(/^arn:[a-z-]+:s3:::\$\{bucket\}(?:\/\P{C}{0,1024})?$/u, {
  error: "expected arn:aws:s3:::${bucket} or arn:aws:s3:::${bucket}/…",
});
const Names = OneOrMore(Text);
/** Who a statement is for; a mixture is any of them. */
const Principal = z.union(
  [
    z.literal("*"),
    z
      .strictObject({
        AWS: Names.optional(),
        Service: Names.optional(),
        Federated: Names.optional(),
        CanonicalUser: Names.optional(),
      })
      .refine((map) => Object.keys(map).length > 0, { error: "expected a principal" }),
  ],
  { error: 'expected "*" or any of {AWS: …, Service: …, Federated: …, CanonicalUser: …}' },
);
/** Quotation marks are optional around numbers and booleans. */
const ConditionValue = z.union([Text, z.boolean(), z.number()], { error: "expected a text, a number, true or false" });

/** One of two elements, as the grammar has them. */
const oneOf =
  (...names: readonly [string, string]) =>
  (statement: Readonly<Record<string, unknown>>): boolean =>
    names.filter((name) => statement[name] !== undefined).length === 1;

/** One statement of a bucket policy. `${bucket}` and `${principal.NAME}` are filled in by the environment. */
export const Statement = z
  .strictObject({
    Sid: z
      .string()
      .regex(/^[^\p{C}]{0,128}$/u, { error: "expected at most 128 printable characters" })
      .optional(),
    Effect: z.enum(["Allow", "Deny"], { error: "expected Allow or Deny" }),
    Principal: Principal.optional(),
    NotPrincipal: Principal.optional(),
    Action: OneOrMore(Action).optional(),
    NotAction: OneOrMore(Action).optional(),
    Resource: OneOrMore(Resource).optional(),
    NotResource: OneOrMore(Resource).optional(),
    Condition: z.record(Text, z.record(Text, OneOrMore(ConditionValue))).optional(),
  })
  .refine(oneOf("Principal", "NotPrincipal"), { error: "expected Principal or NotPrincipal, one of them" })
  .refine(oneOf("Action", "NotAction"), { error: "expected Action or NotAction, one of them" })
  .refine(oneOf("Resource", "NotResource"), { error: "expected Resource or NotResource, one of them" });
export type Statement = z.infer<typeof Statement>;

/** A bucket policy in the vendor's own form. */
export const Policy = z.strictObject({
  Version: z
    .enum(["2012-10-17", "2008-10-17"], { error: 'expected "2012-10-17" or "2008-10-17"' })
    .optional()
    .describe("2008-10-17, which knows no policy variables, where it is left out"),
  Id: Text.optional(),
  Statement: z.union([Statement, z.array(Statement).min(1, { error: "a policy has at least one statement" })], {
    error: "expected a statement or a list of statements",
  }),
});
export type Policy = z.infer<typeof Policy>;
