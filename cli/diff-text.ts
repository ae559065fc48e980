import { brief } from "../release/diff";
import type { ImageParts } from "../release/images";
import { shortDigests } from "../release/primitives";
import type { Risk } from "../release/risk";
import type { Diff, ShownChange, Side } from "./json/diff";
import { counted } from "../release/text";
import { coloured } from "./report";

const colours = { low: "green", medium: "yellow", high: "red" } as const;
const marks = { added: "+", removed: "-", changed: "~" } as const;
const markColours = { added: "green", removed: "red", changed: "yellow" } as const;

/** A difference for people. */
export function textOfDiff({ stack, from, to, risk, changes, notes }: Diff): string {
  const headline = coloured("bold", `Diff of ${stack}: ${sideText(from)} → ${sideText(to)}`);
  const told = changes.flatMap(changeLines);
  const count = counted(changes.length, "change");
  const last = risk === null ? "No difference." : `${count}, risk: ${coloured(colours[risk], risk)}`;
  return [headline, ...told, ...notes.map((note) => coloured("yellow", `Note: ${shortDigests(note)}`)), last].join(
    "\n",
  );
}

function sideText({ release, digest, pins, as }: Side): string {
  const apart = Object.entries(pins).map(([path, id]) => `${path}: ${id}`);
  return `${release}${apart.length > 0 ? ` with ${apart.join(", ")}` : ""} (${as}, deploys ${shortDigests(digest)})`;
}

function changeLines({ facet, entry, action, values, rows, statements, image, risk }: ShownChange): string[] {
  const name = `${facet}/${entry}`;
  const inside = action === "removed" ? [] : values.filter(({ path }) => !(image !== undefined && path === "image"));
  return [
    `  ${riskMark(risk)} ${mark(action)} ${coloured("bold", name)}`,
    ...(image === undefined ? [] : imageLines(image)),
    ...inside.map(({ path, before, after }) => `      ${path && `${path}: `}${between(before, after)}`),
    ...(rows === undefined ? [] : rowLines(rows)),
    ...(statements ?? []).flatMap((each) => [
      `      ${mark(each.action)} statement ${safe(each.statement)}`,
      ...(each.before === undefined ? [] : [`          before ${safe(JSON.stringify(each.before))}`]),
      ...(each.after === undefined ? [] : [`          after  ${safe(JSON.stringify(each.after))}`]),
    ]),
  ];
}

function imageLines({ before, after }: NonNullable<ShownChange["image"]>): string[] {
  const told = (image: ImageParts | undefined): string =>
    image === undefined
      ? "nothing"
      : [image.name, image.tag ?? "no tag", shortDigests(image.digest ?? "no digest")].join(" ");
  return [`      image: ${told(before)} → ${told(after)}`];
}

function rowLines({ added, removed, changed, shown }: NonNullable<ShownChange["rows"]>): string[] {
  const lines = shown.flatMap(({ key, action, columns, before, after }) => {
    const head = `      ${mark(action)} row ${safe(JSON.stringify(key))}`;
    if (before === undefined || after === undefined) return [`${head} ${safe(brief(before ?? after))}`];
    return [head, ...columns.map((column) => `          ${column}: ${between(before[column], after[column])}`)];
  });
  const more = added + removed + changed - shown.length;
  const rest = more > 0 ? [`      … and ${more} more rows; --all shows them`] : [];
  return [`      rows: ${added} added, ${removed} removed, ${changed} changed`, ...lines, ...rest];
}

function between(before: unknown, after: unknown): string {
  return `${safe(brief(before))} → ${safe(brief(after))}`;
}

function mark(action: keyof typeof marks): string {
  return coloured(markColours[action], marks[action]);
}

function riskMark(risk: Risk): string {
  return coloured(colours[risk], risk.padEnd(6));
}

/** A text that cannot move the cursor or turn the line round: rows hold whatever somebody wrote. */
function safe(text: string): string {
  const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  return text.replace(unsafe, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
