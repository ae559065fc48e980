import { counted, shortened } from "../release/text";
import { shortDigests } from "../release/primitives";
import { failures } from "../release/verdict";
import type { Assessment, CanRollback } from "./json/assessment";
import { checkLines, coloured } from "./report";

/** What was found for people: a line per release, then whatever did not pass. */
export function textOf(found: CanRollback): string {
  const { stack, applied, asked, common, releases, older, next } = found;
  const unwell = failures({ result: "error", checks: common });
  const headline = coloured(
    "bold",
    `${stack}, ${applied === null ? "nothing applied yet" : `${applied} applied last`}`,
  );
  if (releases.length === 0) {
    const words = `${headline}\nNo ${applied === null ? "" : "other "}release is known to be good on this stack.`;
    return [words, ...commonLines(unwell), `Next: ${next}`].join("\n");
  }
  const count = releases.filter(({ can }) => can).length;
  const told =
    asked === null
      ? `${count} of ${releases.length} known-good releases can be rolled back to.`
      : `${asked} ${found.can ? "can" : "cannot"} be rolled back to.`;
  return [
    headline,
    ...table(releases),
    ...(older === 0 ? [] : [`  ${older} older not asked about: --limit ${releases.length + older}`]),
    ...releases.flatMap((each) => detailsOf(each, common)),
    ...commonLines(unwell),
    coloured(found.can ? "green" : "red", told),
    `Next: ${next}`,
  ].join("\n");
}

function table(releases: readonly Assessment[]): string[] {
  const width = Math.max(...releases.map(({ release }) => release.length));
  return releases.map(({ release, can, reason, verdict, next }) => {
    const said = can ? coloured("green", "yes") : coloured("red", "no ");
    const why = shortDigests((reason ?? `${counted(verdict.checks.length, "check")} passed`).split("\n")[0] ?? "");
    return `  ${release.padEnd(width)}  ${said}  ${shortened(why, 90)}  → ${next}`;
  });
}

/** What stands in the way of one release; what holds for any release is told once. */
function detailsOf({ release, obstacles, verdict, warnings }: Assessment, common: CanRollback["common"]): string[] {
  const shared = new Set(common.map(({ name }) => name));
  const own = failures(verdict).filter(({ name }) => !shared.has(name));
  if (obstacles.length + own.length + warnings.length === 0) return [];
  return [
    `${release}:`,
    ...obstacles.flatMap(({ reason, next }) => [
      `  ${coloured("red", "✗")} ${reason.replaceAll("\n", "\n    ")}`,
      `    Next: ${next}`,
    ]),
    ...checkLines(own),
    ...warnings.map((line) => coloured("yellow", `  Warning: ${line}`)),
  ];
}

function commonLines(unwell: CanRollback["common"]): string[] {
  if (unwell.length === 0) return [];
  const nexts = unwell.flatMap(({ name, next }) => (next === undefined ? [] : [`    ${name}: ${next}`]));
  return ["Whatever the release:", ...checkLines(unwell), ...nexts];
}
