import { styleText } from "node:util";
import { shortDigests } from "../release/primitives";
import { evidenceOf, type Check, type Result } from "../release/verdict";

const marks: Readonly<Record<Result, string>> = { passed: "✓", failed: "✗", inconclusive: "?", error: "!" };
const colours = { passed: "green", failed: "red", inconclusive: "yellow", error: "magenta" } as const;

/** A text in a colour, where the terminal shows colours and NO_COLOR is not set. */
export function coloured(colour: Parameters<typeof styleText>[0], text: string): string {
  const wanted = process.stdout.isTTY && !process.env.NO_COLOR;
  return wanted ? styleText(colour, text) : text;
}

/** The mark of a result, in its colour. */
export function marked(result: Result): string {
  return coloured(colours[result], marks[result]);
}

/** A line per check: mark, name, how long, and what was seen. */
export function checkLines(checks: readonly Check[]): string[] {
  const width = Math.max(0, ...checks.map(({ name }) => name.length));
  return checks.map((check) => {
    const { name, result, milliseconds } = check;
    const mark = coloured(colours[result], `${marks[result]} ${result.padEnd(6)}`);
    return `  ${mark} ${name.padEnd(width)}  ${`${milliseconds} ms`.padStart(8)}  ${shortDigests(evidenceOf(check)).slice(0, 160)}`;
  });
}

/** `12 s`, `3 min 05 s`. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}
