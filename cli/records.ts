import { basename, join } from "node:path";
import { projectIn, stackNames } from "../project/project";
import { writeAtomically } from "../records/atomic-file";
import { copyInto, differences, inventoryOf, surplusOf, type Inventory, type Meant } from "../records/convert";
import { openLogAt } from "../records/open-log";
import { placeIn, placeOf, storeVariable } from "../records/place";
import { deployments, unfinishedRollback } from "../records/state";
import type { Store } from "../records/store";
import { openStore, type Place } from "../records/stores";
import { type Records, recordsFolder, UrlVariable } from "../release/schema/store";
import { isFolderStore, type StoreName } from "../release/store-names";
import { writeOrRefuse } from "./disk";
import { exitCodes } from "./exit-codes";
import type { RecordsConvertJson, RecordsShowJson } from "./json/records";
import { coloured } from "./report";
import { Refusal, type VerbResult } from "./result";
import type { Where } from "./stack";
import { withValueAt } from "../project/stack-edit";
import { readStack, settingsIn, type FiledStack } from "./stack-file";
import { counted } from "../release/text";

const setting = ["rewind:environment", "records"] as const;
const defaultFolder = recordsFolder(undefined);

/** `rewind records show`: which store a stack has, where it is, and what is in it. */
export async function show(where: Where): Promise<VerbResult<RecordsShowJson>> {
  const { name, folder, settings } = readStack(where);
  const { records } = settings.environment;
  const place = placeOf(records, folder);
  const inventory = await using(place, (store) => inventoryOf(store));
  const named = process.env[storeVariable] ?? "";
  const chosenBy = named !== "" ? storeVariable : records === undefined ? "default" : "stack file";
  const json = { stack: name, ...told(place), chosenBy, ...inventory } as const;
  const text = [`${name}: ${place.store}, ${json.location} (${chosenBy})`, ...linesOf(inventory)].join("\n");
  return { code: exitCodes.ok, text, json };
}

/** What a conversion was asked for. */
export interface Conversion {
  readonly to: StoreName;
  /** The environment variable that holds the connection string. */
  readonly url?: string | undefined;
  /** Whether the stack files are to name the new store. */
  readonly switches: boolean;
}

/**
 * `rewind records convert`: copies a stack's records into another store, beside, and proves both equal entry by entry;
 * only then the stack file names the new one. Other stacks and the old store stay as they are.
 * @throws Refusal while something is under way, when the new store holds something else, or when somebody writes to the
 *   old one meanwhile
 */
export async function convert(where: Where, asked: Conversion): Promise<VerbResult<RecordsConvertJson>> {
  const stack = readStack(where);
  const move = moveOf(stack, asked);
  refuseUnderWay(move);
  const { inventory, switched } = await using(move.from, (from) =>
    using(move.to, (to) => carryOut(move, from, to, asked)),
  );
  const json = { stack: stack.name, from: told(move.from), to: told(move.to), ...inventory, switched };
  return { code: exitCodes.ok, text: textOf(json), json };
}

/** Who goes where. */
interface Move {
  readonly folder: string;
  readonly from: Place;
  readonly to: Place;
  /** The stack, with its file as it is and as it would be. */
  readonly stack: {
    readonly name: string;
    readonly file: string;
    readonly text: string;
    readonly edited: string;
  };
  /** Journals of other stacks stay out of it: they go on where they are, and nobody asked for them. */
  readonly meant: Meant;
}

function moveOf({ name, folder, file, text, settings }: FiledStack, asked: Conversion): Move {
  const { records } = settings.environment;
  const from = placeOf(records, folder);
  if (asked.switches && JSON.stringify(from) !== JSON.stringify(placeIn(records, folder))) {
    throw new Refusal(
      `${storeVariable} names the store, whatever the stack file says`,
      `unset ${storeVariable}, or --no-switch`,
    );
  }
  const wanted = settingOf(asked, recordsFolder(records));
  const to = placeIn(wanted, folder);
  if (from.store === to.store) throw new Refusal(`the records are in ${from.store} already`, "rewind records show");
  const others = stackNames(projectIn(folder)).filter((each) => each !== name);
  const edited = asked.switches ? editedFile(name, text, wanted, folder) : text;
  return { folder, from, to, stack: { name, file, text, edited }, meant: (journal) => !others.includes(journal) };
}

/** What the stack file is to say; a folder stays where it is. */
function settingOf({ to, url }: Conversion, folder: string): Records | undefined {
  const elsewhere = folder === defaultFolder ? {} : { folder };
  if (to === "json") return folder === defaultFolder ? undefined : folder;
  if (isFolderStore(to)) return { store: to, ...elsewhere };
  if (url === undefined) return { store: to, ...elsewhere };
  const variable = UrlVariable.safeParse(url);
  if (!variable.success) throw new Refusal("--url takes the name of an environment variable", "--url RECORDS_URL");
  return { store: to, url: variable.data, ...elsewhere };
}

function editedFile(stack: string, text: string, wanted: Records | undefined, folder: string): string {
  const edited = withValueAt(text, setting, wanted);
  settingsIn(stack, edited, folder);
  return edited;
}

/** What ends after the switch would write its end into the old store. */
function refuseUnderWay({ from, stack: { name } }: Move): void {
  const entries = openLogAt(from, name, String).entries();
  if (unfinishedRollback(entries) !== undefined) {
    throw new Refusal(
      `a rollback of ${name} has not come to its end`,
      `rewind resume, or rewind abort, --stack ${name}`,
      "locked",
    );
  }
  const last = deployments(entries).at(-1);
  if (last !== undefined && last.outcome === undefined) {
    const next = `wait for it; if nobody works on it any more: pulumi up --stack ${name}`;
    throw new Refusal(`the deployment ${last.intent.id} of ${name} has no outcome yet`, next, "locked");
  }
}

async function carryOut(
  { stack, meant }: Move,
  from: Store,
  to: Store,
  { switches }: Conversion,
): Promise<{ readonly inventory: Inventory; readonly switched: string[] }> {
  const [surplus, ...more] = await surplusOf(to, from, meant);
  if (surplus !== undefined) {
    const others = more.length === 0 ? "" : ` and ${more.length} more`;
    throw new Refusal(
      `${to.location} holds what ${from.location} does not: ${surplus}${others}`,
      "move it away, or take what it holds out of it",
    );
  }
  await copyInto(to, from, meant);
  await refuseDifferent(from, to, meant);
  const inventory = await inventoryOf(to, meant);
  const { file, text, edited } = stack;
  const isSwitched = switches && edited !== text;
  if (isSwitched) writeFile(file, edited);
  try {
    // Somebody may have written to the old one just before it was left.
    await refuseDifferent(from, to, meant);
  } catch (error) {
    if (isSwitched) writeFile(file, text);
    throw error;
  }
  return { inventory, switched: isSwitched ? [basename(file)] : [] };
}

async function refuseDifferent(from: Store, to: Store, meant: Meant): Promise<void> {
  const [first] = await differences(from, to, meant);
  if (first === undefined) return;
  throw new Refusal(
    `${from.location} and ${to.location} are not equal: ${first}; somebody writes to one of them`,
    "the same command again, when nobody does",
    "locked",
  );
}

function writeFile(file: string, text: string): void {
  writeOrRefuse(join(file, ".."), () => {
    writeAtomically(file, text);
  });
}

async function using<T>(place: Place, work: (store: Store) => Promise<T>): Promise<T> {
  const store = openStore(place);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const told = (place: Place) => ({ store: place.store, location: openStore(place).location });

function linesOf({ journals, collections }: Inventory): string[] {
  return [
    ...journals.map(({ name, lines, bytes }) => `  journal ${name}: ${counted(lines, "line")}, ${bytes} bytes`),
    ...collections.map(({ name, records }) => `  collection ${name}: ${records} records`),
    ...(journals.length + collections.length === 0 ? ["  nothing yet"] : []),
  ];
}

function textOf({ from, to, journals, collections, switched }: RecordsConvertJson): string {
  const next =
    switched.length === 0
      ? `set rewind:environment.records to ${to.store}, or ${storeVariable}`
      : `rewind log verify; ${from.location} may go when the new one has a backup`;
  return [
    `${from.location} → ${to.location}`,
    ...linesOf({ journals, collections }),
    `${coloured("green", "EQUAL")}, entry by entry; the old one is kept`,
    ...(switched.length === 0 ? [] : [`Switched: ${switched.join(", ")}`]),
    `Next: ${next}`,
  ].join("\n");
}
