/** Something wrong with a stack's configuration: where, and what was expected. */
export interface Problem {
  /** Where in the stack file, without the namespace: `releases.v1.2.0.services.api.image`. */
  readonly path: string;
  readonly message: string;
  /** In the file, counted from 1; left out where the value came from elsewhere. */
  readonly line?: number;
  /** The file, where it is another than the stack file: the project's file has values for every stack. */
  readonly file?: string;
}

/** A path as it is written in messages: on one line, and no segment longer than eighty characters. */
export function pathOf(segments: readonly PropertyKey[]): string {
  return segments
    .map(String)
    .map((segment) => printable(segment.length > 80 ? `${segment.slice(0, 77)}…` : segment))
    .filter((segment) => segment !== "")
    .join(".");
}

/**
 * A text with everything but plain ASCII escaped: a key cannot forge a line of the list or move the cursor, and a
 * Cyrillic `о` does not pass for a Latin one.
 */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e…]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * All problems in the one shape that messages have, a line each:
 * `Pulumi.prod.yaml:41 releases.r41.services.api.image: expected name@sha256:<64 hex>, got "latest"`.
 */
export function describeProblems(file: string, problems: readonly Problem[]): string {
  const place = ({ file: own = file, line, path }: Problem): string =>
    `${own}${line === undefined ? "" : `:${line}`}${path && ` ${path}`}`;
  return problems.map((problem) => `${place(problem)}: ${problem.message}`).join("\n");
}
