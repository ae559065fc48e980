import { diffPinned, type Change, type Tables } from "../release/diff";
import { worstRisk } from "../release/risk";
import { selectPinned, type Pinned } from "../release/pinned";
import type { ReleaseId } from "../release/primitives";
import type { Pin } from "../records/entry";
import { deployments, lastVerified } from "../records/state";
import { textOfDiff } from "./diff-text";
import { exitCodes } from "./exit-codes";
import type { Diff, ShownChange, Side } from "./json/diff";
import { Refusal, type VerbResult } from "./result";
import { differenceOf, sourceOf } from "./row-files";
import { readStack, settingsIn, type FiledStack } from "./stack-file";
import type { Where } from "./stack";

/** What to compare, and how much of it to show. */
export interface DiffOptions {
  /** The earlier release; unless said, what runs or was verified last. */
  readonly from?: ReleaseId | undefined;
  readonly to?: ReleaseId | undefined;
  /** Rows shown of each table; Infinity for all. */
  readonly rows: number;
}

/**
 * `rewind diff [<from> [<to>]]`: what two releases pin differently, from the stack file and the releases' files alone.
 * With no name what was verified last against the pin, with one name what runs against it.
 * @throws Refusal when a release is not in the catalogue
 */
export async function diff(where: Where, options: DiffOptions): Promise<VerbResult<Diff>> {
  const found = await diffOf(where, options);
  return { code: exitCodes.ok, text: textOfDiff(found), json: found };
}

/** The difference as data. */
export async function diffOf(where: Where, { from, to, rows }: DiffOptions): Promise<Diff> {
  const named = [from, to].filter((id) => id !== undefined);
  const stack = readStack(where, named);
  for (const id of named) known(stack, id);
  const [before, after] = sidesOf(stack, from, to);
  const { releases, environment } = withReleases(stack, [before.pin, after.pin]);
  const [a, b] = [before, after].map(({ pin }) => selectPinned(pin.release, pin.pins, releases)) as [Pinned, Pinned];
  const tables = environment.database?.tables ?? {};
  const changes: ShownChange[] = [];
  for (const change of diffPinned(a, b, tables)) changes.push(await shown(stack.folder, change, a, b, tables, rows));
  return {
    stack: stack.name,
    from: sideOf(before, a),
    to: sideOf(after, b),
    risk: worstRisk(changes.map(({ risk }) => risk)) ?? null,
    changes,
    notes: [noteOn(before, a), noteOn(after, b)].flat(),
  };
}

interface Chosen {
  readonly as: Side["as"];
  readonly pin: Pick<Pin, "release" | "pins"> & Partial<Pick<Pin, "digest">>;
}

/** Which two pins are compared. */
function sidesOf(stack: FiledStack, from: ReleaseId | undefined, to: ReleaseId | undefined): [Chosen, Chosen] {
  const { settings, log } = stack;
  const pinned: Chosen = { as: "pinned", pin: { release: settings.release, pins: settings.pins } };
  const name = (release: ReleaseId): Chosen => ({ as: "named", pin: { release, pins: {} } });
  if (from !== undefined && to !== undefined) return [name(from), name(to)];
  const entries = log.entries();
  if (from !== undefined) {
    const running = deployments(entries).at(-1)?.intent.to;
    return [running === undefined ? pinned : { as: "running", pin: running }, name(from)];
  }
  const verified = lastVerified(entries)?.intent.to;
  if (verified === undefined) {
    throw new Refusal("nothing was verified on this stack yet", "rewind diff <from> <to>, or pulumi up");
  }
  return [{ as: "verified last", pin: verified }, pinned];
}

function known({ settings: { catalogue } }: FiledStack, id: ReleaseId): void {
  if (catalogue.includes(id)) return;
  const last = catalogue.slice(-10).join(", ");
  const more = catalogue.length > 10 ? ` and ${catalogue.length - 10} more` : "";
  throw new Refusal(`no release ${id}; the catalogue has ${last}${more}`, "rewind release list");
}

/** The settings with every release read that the pins need; what the log names may stand in a file. */
function withReleases(stack: FiledStack, pins: readonly Chosen["pin"][]): FiledStack["settings"] {
  const needed = [...new Set(pins.flatMap((pin) => [pin.release, ...Object.values(pin.pins)]))];
  for (const id of needed) known(stack, id);
  const missing = needed.filter((id) => !stack.settings.releases.has(id));
  return missing.length === 0 ? stack.settings : settingsIn(stack.name, stack.text, stack.folder, needed);
}

function sideOf({ as, pin }: Chosen, { release, digest }: Pinned): Side {
  return { release, digest, pins: pin.pins, as };
}

function noteOn({ pin }: Chosen, { digest }: Pinned): string[] {
  if (pin.digest === undefined || pin.digest === digest) return [];
  return [`${pin.release} is not any more what was applied: the log has ${pin.digest}, the catalogue ${digest}`];
}

async function shown(
  folder: string,
  change: Change,
  before: Pinned,
  after: Pinned,
  tables: Tables,
  limit: number,
): Promise<ShownChange> {
  const { rows, rowFiles, ...others } = change;
  if (rowFiles !== undefined) {
    const table = tables[change.entry];
    if (table === undefined) throw new Refusal(`the environment has no table ${change.entry}`, "rewind verify");
    const from = sourceOf(rowFiles.before, before.facets.config[change.entry]);
    const to = sourceOf(rowFiles.after, after.facets.config[change.entry]);
    return { ...others, rows: await differenceOf(folder, from, to, table, limit) };
  }
  if (rows === undefined) return others;
  const count = (action: string): number => rows.filter((row) => row.action === action).length;
  const counts = { added: count("added"), removed: count("removed"), changed: count("changed") };
  return { ...others, rows: { ...counts, shown: rows.slice(0, limit) } };
}
