/** An operation of the engine that failed, in its own words, without what the Automation API puts around them. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  /** What to type next, where the program itself said it; it is not in the message. */
  readonly next: string | undefined;

  /** @param reason as `reasonIn` returns it */
  constructor(reason: string) {
    // A warning may say one, too: what counts is the first one that an error says.
    const [whole = "", before = "", next] =
      /^([\s\S]*?^ *error:(?:(?!^ *warning:)[\s\S])*?)\n *Next: (\S[^\r\n]*)/m.exec(reason) ?? [];
    super(before + reason.slice(whole.length));
    this.next = next;
  }
}

/** What stands around the diagnostics and says nothing. */
const noise =
  /^(?:pulumi:pulumi:Stack \(.*\):|error: (?:update|preview) failed|(?:Error: )?Command failed with exit code \d+: .*)?$/;

/**
 * What the engine says of every resource that it did not come to: under a plan it expected each of them, and behind the
 * gate each of them waited. The failure itself stands among them, anywhere.
 */
const consequence =
  /^(?:error: )?(?:expected resource operations for .* but none were seen|blocked by the gate before the change; .*)$/;

/**
 * The engine's own diagnostics out of a command's whole output: what stands under `Diagnostics:`, or else what it wrote
 * to standard error. Where something failed, what only follows from it is left out.
 * @param output what the Automation API puts into the message of its error
 */
export function reasonIn(output: string): string {
  const [, diagnostics] = /^Diagnostics:\n([\s\S]*?)\n(?:Outputs|Resources|Duration):/m.exec(output) ?? [];
  const [, complaint] = /^ stderr: ([\s\S]*?)\n err\?: /m.exec(output) ?? [];
  const lines = (diagnostics ?? complaint ?? output).split("\n").filter((line) => !noise.test(line.trim()));
  const causes = withoutConsequences(lines);
  return (causes.length === 0 ? lines : causes).join("\n").trim().slice(0, 8_000);
}

/** The lines without consequences, and without the headings of resources of which nothing else is said. */
function withoutConsequences(lines: readonly string[]): string[] {
  const kept = lines.filter((line) => !consequence.test(line.trim()));
  const isHeading = (line: string | undefined): boolean => line === undefined || /^ {2}\S.*:$/.test(line);
  return kept.filter((line, at) => !isHeading(line) || !isHeading(kept[at + 1]));
}
