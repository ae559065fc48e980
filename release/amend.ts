import { elementType, inPlainJson, typeName } from "./columns";
import { parseExactly } from "./exact-json";
import { keyColumns, keyOf } from "./rows";
import { SqlIdentifier } from "./primitives";
import { pathOf, type Problem } from "./problems";
import { rowPath, stepsOf } from "./property-path";
import { facetAndEntry, facets, type Release } from "./schema/release";
import type { Row, Table } from "./schema/rows";

/** What a new release changes of the one that it is made from. */
export interface Amendment {
  /** A part of a release, laid over it: objects are merged, rows by their key, null removes, anything else replaces. */
  readonly patch?: unknown;
  /** Images by `services/NAME` or `functions/NAME`. */
  readonly images?: Readonly<Record<string, string>>;
  /** Builds by `frontend/NAME`. */
  readonly builds?: Readonly<Record<string, string>>;
  /** Row files by `config/TABLE`. */
  readonly rowFiles?: Readonly<
    Record<string, { readonly file: string; readonly digest: string; readonly count: number }>
  >;
  /** Values by their path: `config.TABLE.KEY.COLUMN`, `toggles.NAME`, `functions.NAME.parameters.NAME`. */
  readonly values?: readonly { readonly path: string; readonly text: string }[];
  /** Paths that go: `config.TABLE.KEY`, `toggles.NAME`. */
  readonly removed?: readonly string[];
  readonly schema?: string;
  readonly description?: string;
}

type Json = Record<string, unknown>;

/**
 * A release's record with an amendment laid over it, not yet parsed: the parser says what is wrong with it.
 * @param tables the environment's; they say what a row's key is and which columns are text
 * @returns the record, or what could not be laid over it
 */
export function amend(
  base: Release,
  { patch, images = {}, builds = {}, rowFiles = {}, values = [], removed = [], schema, description }: Amendment,
  tables: Readonly<Record<string, Table>>,
): { readonly record: Json; readonly problems: readonly Problem[] } {
  const record = structuredClone(base) as Json;
  // What the release before was described as is not what this one is.
  delete record.description;
  const problems: Problem[] = [];
  const complain = (path: string, message: string): void => void problems.push({ path: pathOf([path]), message });
  if (patch !== undefined) {
    if (isObject(patch)) mergeRelease(record, patch, tables);
    else complain("--file", "expected a part of a release: an object");
  }
  const entryAt = (path: string, kinds: readonly string[], option: string): Json | undefined => {
    const [facet, name = ""] = facetAndEntry(path);
    if (!kinds.includes(facet) || name === "") {
      complain(option, `expected ${kinds.map((kind) => `${kind}/NAME`).join(" or ")}, got ${path}`);
      return undefined;
    }
    return child(child(record, facet), name);
  };
  for (const [path, image] of Object.entries(images)) {
    const entry = entryAt(path, ["services", "functions"], "--image");
    if (entry !== undefined) entry.image = image;
  }
  for (const [path, build] of Object.entries(builds)) {
    const entry = entryAt(path, ["frontend"], "--build");
    if (entry !== undefined) entry.build = build;
  }
  for (const [path, rows] of Object.entries(rowFiles)) {
    if (entryAt(path, ["config"], "--row-file") !== undefined)
      (record.config as Json)[path.slice("config/".length)] = rows;
  }
  for (const { path, text } of values) setValue(record, path, text, tables, complain);
  for (const path of removed) remove(record, path, tables, complain);
  if (schema !== undefined) child(record, "schema").migration = schema;
  if (description !== undefined) record.description = description;
  return { record, problems };
}

type Complain = (path: string, message: string) => void;
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The object under a key, made when there is none. Keys that reach for a prototype are the parser's to refuse. */
function child(object: Json, key: string): Json {
  const known = Object.hasOwn(object, key) ? object[key] : undefined;
  if (isObject(known)) return known;
  const made: Json = {};
  Object.defineProperty(object, key, { value: made, enumerable: true, configurable: true, writable: true });
  return made;
}

function put(object: Json, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function mergeRelease(record: Json, patch: Json, tables: Readonly<Record<string, Table>>): void {
  const { config, ...others } = patch;
  merge(record, others);
  if (!isObject(config)) return;
  for (const [name, table] of Object.entries(config)) {
    const target = child(child(record, "config"), name);
    const known = Object.hasOwn(tables, name) ? tables[name] : undefined;
    if (isObject(table) && Array.isArray(table.rows) && Array.isArray(target.rows) && known !== undefined) {
      target.rows = mergedRows(target.rows as Row[], table.rows as Row[], known);
    } else if (table === null) Reflect.deleteProperty(record.config as Json, name);
    else put(record.config as Json, name, table);
  }
}

function mergedRows(before: readonly Row[], patch: readonly Row[], table: Table): Row[] {
  const rows = new Map(before.map((row) => [keyOf(row, table), row]));
  for (const row of patch) rows.set(keyOf(row, table), { ...rows.get(keyOf(row, table)), ...row });
  return [...rows.values()];
}

/** RFC 7396: objects are merged, null removes, anything else replaces. */
function merge(target: Json, patch: Json): void {
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(target, key);
    else if (isObject(value)) merge(child(target, key), value);
    else put(target, key, value);
  }
}

function setValue(
  record: Json,
  path: string,
  text: string,
  tables: Readonly<Record<string, Table>>,
  complain: Complain,
): void {
  const row = rowPath(path);
  if (row !== undefined) {
    const { table: name, key, column } = row;
    const table = Object.hasOwn(tables, name) ? tables[name] : undefined;
    if (table === undefined || !SqlIdentifier.safeParse(column).success) {
      const missing = table === undefined ? `the environment has no table ${name}` : `${column} is no column's name`;
      complain("--set", `${path}: ${missing}`);
      return;
    }
    const rows = rowsIn(record, name);
    if (rows === undefined) {
      complain("--set", `${path}: ${inFile(name)}`);
      return;
    }
    const type = Object.hasOwn(table.columns, column) ? table.columns[column] : undefined;
    const value = type !== undefined && isWrittenAsJson(type) ? inPlainJson(type, jsonOr(text)) : unquoted(text);
    if (value === undefined) {
      complain("--set", `${path}: ${rounded}; put the rows of ${name} into a file, and give it with --row-file`);
      return;
    }
    const present = rows.find((each) => keyOf(each, table) === key);
    if (present !== undefined) present[column] = value as Row[string];
    else rows.push(rowWithKey(table, key, column, value));
    return;
  }
  const [facet = "", ...inside] = stepsOf(path) ?? [];
  const last = inside.pop();
  if (!(facets as readonly string[]).includes(facet) || facet === "config" || last === undefined) {
    complain("--set", `expected a path such as config.TABLE.KEY.COLUMN or toggles.NAME, got ${path}; ${inBrackets}`);
    return;
  }
  const value = inPlainJson("jsonb", jsonOr(text));
  if (value === undefined) complain("--set", `${path}: ${rounded}; write it as a text, '"${text}"'`);
  else put(inside.reduce(child, child(record, facet)), last, value);
}

const rounded = "a stack file does not keep every digit of this number";

const jsonTypes = ["json", "jsonb", "smallint", "integer", "bigint", "numeric", "real", "double precision", "boolean"];

/** Whether a value of a column is written on the command line as JSON: numbers, truth values, lists, objects. */
function isWrittenAsJson(type: string): boolean {
  return jsonTypes.includes(typeName(type)) || elementType(type) !== undefined;
}

/** A new row with its key, each part of it in the type of its column. */
function rowWithKey(table: Table, key: string, column: string, value: unknown): Row {
  const names = keyColumns(table);
  const parts = names.length === 1 ? [key] : partsOf(key);
  const typed = names.map((name, at): [string, Row[string]] => {
    const part = parts[at];
    if (part === undefined) return [name, null];
    const whole =
      ["smallint", "integer", "bigint"].includes(typeName(table.columns[name] ?? "")) && /^-?[0-9]{1,15}$/.test(part);
    return [name, whole ? Number(part) : part];
  });
  return { ...Object.fromEntries(typed), [column]: value as Row[string] };
}

/** The parts of a composite key such as `["eu",3]`; of anything else none, and the rules say which are missing. */
function partsOf(key: string): string[] {
  try {
    const parts: unknown = JSON.parse(key);
    return Array.isArray(parts) ? parts.map(String) : [];
  } catch {
    return [];
  }
}

const inBrackets = 'a name with a dot stands in brackets and quotes, as in config["eu.rates"]';

const inFile = (name: string): string =>
  `the rows of ${name} stand in a file; make another one and give it with --row-file`;

/** A table's inline rows; undefined where they stand in a file. */
function rowsIn(record: Json, name: string): Row[] | undefined {
  const table = child(child(record, "config"), name);
  if ("file" in table) return undefined;
  table.rows ??= [];
  return table.rows as Row[];
}

function remove(record: Json, path: string, tables: Readonly<Record<string, Table>>, complain: Complain): void {
  const segments = stepsOf(path) ?? [];
  const [facet, name = "", ...inside] = segments;
  const table = facet === "config" && Object.hasOwn(tables, name) ? tables[name] : undefined;
  if (table !== undefined && inside.length > 0) {
    const key = inside.join(".");
    const rows = rowsIn(record, name);
    if (rows === undefined) {
      complain("--unset", `${path}: ${inFile(name)}`);
      return;
    }
    const at = rows.findIndex((row) => keyOf(row, table) === key);
    if (at < 0) complain("--unset", `there is no row ${name}/${key}`);
    else rows.splice(at, 1);
    return;
  }
  const last = segments.pop() ?? "";
  const holder = segments.reduce<unknown>(
    (object, segment) => (isObject(object) && Object.hasOwn(object, segment) ? object[segment] : undefined),
    record,
  );
  if (isObject(holder) && Object.hasOwn(holder, last)) Reflect.deleteProperty(holder, last);
  else complain("--unset", `there is no ${path}; ${inBrackets}`);
}

/** A value as JSON, where it is JSON, with every digit; otherwise the text as it stands. */
function jsonOr(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return text;
  }
}

/** The text of a text column: in quotes when it is written as JSON, otherwise as it stands. */
function unquoted(text: string): string {
  const value = jsonOr(text);
  return typeof value === "string" ? value : text;
}
