import { limits, tooDeep, tooManyValues } from "./limits";
import { pathOf, type Problem } from "./problems";

/** Values in one document, and in the releases of a stack file. */
const most = { document: limits.documentValues, catalogue: limits.values } as const;

/** Keys with which a parsed document could reach an object's prototype. No name in a stack file needs them. */
const forbidden = new Set(["__proto__", "constructor", "prototype"]);

/**
 * What makes a parsed document unfit to be looked at more closely: too deep, too large, or keys that reach for a
 * prototype. Runs before the schema, so that the schema only ever meets documents of a sane size.
 */
export function outOfBounds(document: unknown, kind: keyof typeof most = "document"): Problem[] {
  const problems: Problem[] = [];
  let values = 0;
  const visit = (value: unknown, path: readonly string[]): void => {
    values += 1;
    if (values > most[kind] || problems.length >= 100) return;
    if (path.length > limits.depth) {
      problems.push({ path: pathOf(path), message: tooDeep });
    } else if (typeof value === "string" && value.length > limits.text) {
      problems.push({ path: pathOf(path), message: `a text of ${value.length} characters; at most ${limits.text}` });
    } else if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        const at = [...path, key];
        if (forbidden.has(key)) problems.push({ path: pathOf(at), message: "a key that no stack file may hold" });
        else if (key.length > limits.key) {
          problems.push({ path: pathOf(at), message: `a key of ${key.length} characters; at most ${limits.key}` });
        } else visit(inner, at);
      }
    }
  };
  visit(document, []);
  if (values > most[kind]) problems.push({ path: "", message: tooManyValues(most[kind]) });
  return problems;
}
