import fc from "fast-check";
import type { Release } from "../../release/schema/release";

const names = ["api", "worker", "finalizeAssessment", "score_prism"] as const;
const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef".split("")), minLength: 64, maxLength: 64 });
const build = hex.map((digits) => `sha256:${digits}`);
const image = hex.map((digits) => `engine@sha256:${digits}`);
const scalar = fc.oneof(fc.boolean(), fc.integer(), fc.string({ maxLength: 8 }), fc.constant(null));
const json = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.dictionary(fc.string(), scalar, { maxKeys: 3 }));

/** A dictionary with exactly these keys. */
function exactly<T>(keys: readonly string[], value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> {
  return fc
    .tuple(...keys.map(() => value))
    .map((values) => Object.fromEntries(keys.map((key, at) => [key, values[at]!])));
}

/** The rows of a table `key`, `value`. */
export const rows = fc.uniqueArray(fc.record({ key: fc.string({ maxLength: 6 }), value: json }), {
  selector: ({ key }) => key,
  maxLength: 5,
});
const statement = fc.record({
  Effect: fc.constantFrom("Allow" as const, "Deny" as const),
  Principal: fc.constantFrom("*" as const, { AWS: "${principal.application}" }),
  Action: fc.constantFrom("s3:GetObject", "s3:PutObject"),
  Resource: fc.constant("arn:aws:s3:::${bucket}/*"),
});
const bucket = fc.record({
  policy: fc.record({ Version: fc.constant("2012-10-17" as const), Statement: fc.array(statement, { minLength: 1 }) }),
});

/** A release that pins entries of the given names in every facet. */
export function releaseOf(entries: readonly string[]): fc.Arbitrary<Release> {
  return fc.record({
    services: exactly(entries, fc.record({ image })),
    functions: exactly(entries, fc.record({ image, parameters: fc.dictionary(fc.constantFrom("a", "b"), json) })),
    frontend: exactly(entries, fc.record({ build })),
    config: exactly(entries, fc.record({ rows })),
    storage: exactly(entries, bucket),
    toggles: exactly(entries, fc.oneof(fc.boolean(), fc.string({ maxLength: 4 }))),
    schema: fc.constantFrom("0001_profiles", "0002_tasks").map((migration) => ({ migration })),
  });
}

/** Any release. */
export const release: fc.Arbitrary<Release> = fc.subarray([...names]).chain(releaseOf);

/** Two releases that pin the same entries, each in its own way. */
export const alike: fc.Arbitrary<readonly [Release, Release]> = fc
  .subarray([...names])
  .chain((entries) => fc.tuple(releaseOf(entries), releaseOf(entries)));

/** A JSON value with an object's keys in another order, at every depth. */
export function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reordered(inner)]),
  );
}
