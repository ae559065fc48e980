/** What people and components say, wherever it stands in an entry. Everything else is names, numbers and digests. */
const prose: ReadonlySet<string> = new Set(["reason", "evidence", "note"]);

/**
 * Something that is about to be written, with the values of secrets taken out of what people and components say in it.
 * @param redact takes the values of secrets out of a text
 */
export function withoutSecrets<T>(value: T, redact: (text: string) => string, name = ""): T {
  if (typeof value === "string") return (prose.has(name) ? redact(value) : value) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => withoutSecrets(item, redact, name)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutSecrets(item, redact, key)])) as T;
}
