import { canonicalJson } from "./canonical";
import { statementMeaning } from "./policy-meaning";

/** A statement of a bucket policy that differs. */
export interface StatementChange {
  /** Its Sid; without one, its canonical JSON. */
  readonly statement: string;
  readonly action: "added" | "removed" | "changed";
  readonly before?: unknown;
  readonly after?: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The statements in which the policies of two buckets differ, those of the earlier one first. What means the same is no
 * difference. A statement without a Sid is the same one only when it says the same.
 * @returns undefined when either side holds a policy that is no list of statements
 */
export function statementChanges(before: unknown, after: unknown): StatementChange[] | undefined {
  const [from, to] = [bySid(before), bySid(after)];
  if (from === undefined || to === undefined) return undefined;
  return [...new Set([...from.keys(), ...to.keys()])].sort().flatMap((key): StatementChange[] => {
    const [a, b] = [from.get(key), to.get(key)];
    const statement = nameOf(a ?? b) ?? canonicalJson(a ?? b);
    if (a === undefined) return [{ statement, action: "added", after: b }];
    if (b === undefined) return [{ statement, action: "removed", before: a }];
    return meaningOf(a) === meaningOf(b) ? [] : [{ statement, action: "changed", before: a, after: b }];
  });
}

const meaningOf = (statement: unknown): string => canonicalJson(statementMeaning(statement));

/** A bucket without the statements that `statementChanges` tells. */
export function withoutStatements(bucket: Fields): Fields {
  const { policy } = bucket;
  if (statementsOf(bucket) === undefined) return bucket;
  return {
    ...bucket,
    policy: Object.fromEntries(Object.entries(policy as Fields).filter(([name]) => name !== "Statement")),
  };
}

function nameOf(statement: unknown): string | undefined {
  const { Sid } = (statement ?? {}) as { Sid?: unknown };
  return typeof Sid === "string" && Sid !== "" ? Sid : undefined;
}

function bySid(bucket: unknown): Map<string, unknown> | undefined {
  if (bucket === undefined) return new Map();
  const statements = statementsOf(bucket);
  if (statements === undefined) return undefined;
  const named = new Map<string, unknown>();
  for (const statement of statements) {
    const name = nameOf(statement) ?? meaningOf(statement);
    // Said twice is said twice: the second has a name of its own.
    let unique = name;
    for (let count = 2; named.has(unique); count += 1) unique = `${name} (${count})`;
    named.set(unique, statement);
  }
  return named;
}

function statementsOf(bucket: unknown): unknown[] | undefined {
  const { policy } = (bucket ?? {}) as { policy?: unknown };
  const { Statement } = (policy ?? {}) as { Statement?: unknown };
  if (Array.isArray(Statement)) return Statement as unknown[];
  return typeof Statement === "object" && Statement !== null ? [Statement] : undefined;
}
