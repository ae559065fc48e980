/** Something wrong with a stack's configuration: where, and what was expected. */
export interface Problem {
  /** Where in the stack file, without the namespace: `releases.v1.2.0.services.api.image`. */
  readonly path: string;
  readonly message: string;
}

/** A path as it is written in messages. */
export function pathOf(segments: readonly PropertyKey[]): string {
  return segments.map(String).join(".");
}

/**
 * All problems in the one shape that messages have, a line each:
 * `Pulumi.prod.yaml releases.r41.services.api.image: expected name@sha256:<64 hex>, got "latest"`.
 */
export function describeProblems(file: string, problems: readonly Problem[]): string {
  return problems.map(({ path, message }) => `${file} ${path}: ${message}`).join("\n");
}
