export type Level = "info" | "warn" | "error";
/** Writes one event as one line of JSON to stdout. */
export type Log = (level: Level, event: string, fields?: Record<string, unknown>) => void;

/**
 * Makes a log whose every line carries `common`, and in which the given secrets never appear, not even inside the
 * message of an error that a library wrote.
 */
export function createLog(common: Record<string, unknown>, secrets: readonly string[]): Log {
  const hidden = secrets.filter((secret) => secret.length >= 4);
  return (level, event, fields = {}) => {
    const entry = { time: new Date().toISOString(), level, event, ...common, ...fields };
    const line = JSON.stringify(entry, (_key, value: unknown) =>
      typeof value === "string" ? hidden.reduce((text, secret) => text.replaceAll(secret, "[secret]"), value) : value,
    );
    process.stdout.write(`${line}\n`);
  };
}

/** What a log may say about something thrown: its name, code and message, not its stack and not its fields. */
export function describe(thrown: unknown): Record<string, unknown> {
  if (!(thrown instanceof Error)) return { error: "unknown" };
  const code = "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
  // A failed connection to several addresses has no message of its own.
  const message = thrown.message || (thrown instanceof AggregateError ? "no address answered" : "");
  return { error: thrown.name, ...(code === undefined ? {} : { code }), message };
}
