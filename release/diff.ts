import microdiff from "microdiff";
import { isFields, own, type Fields } from "./fields";
import { shortened } from "./text";
import { canonicalJson } from "./canonical";
import { statementChanges, withoutStatements, type StatementChange } from "./diff-policy";
import { fileOf, rowChanges, type RowChange, type RowFile } from "./diff-rows";
import { stringifyExactly } from "./exact-json";
import { imageParts, type ImageParts } from "./images";
import type { Pinned } from "./pinned";
import { shortDigests } from "./primitives";
import { riskOf, type Risk } from "./risk";
import { facets, type Facet } from "./schema/release";
import type { Table } from "./schema/rows";

/** Whether something came, went, or is another. */
export type Action = "added" | "removed" | "changed";

/** A value that differs inside an entry, by its path; undefined on the side that has none. */
export interface ValueChange {
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** One thing that differs between two pins. */
export interface Change {
  readonly facet: Facet;
  /** The entry within its facet: `score_prism`, `scoring_config`. */
  readonly entry: string;
  readonly action: Action;
  /** Every value that differs inside the entry, but for what the lists below tell. */
  readonly values: readonly ValueChange[];
  /** A table's rows that differ, by key, where both releases hold them inline. */
  readonly rows?: readonly RowChange[];
  /** Where the rows of either side stand in a file: what is to be compared. */
  readonly rowFiles?: { readonly before?: RowFile; readonly after?: RowFile };
  /** A bucket policy's statements that differ. */
  readonly statements?: readonly StatementChange[];
  /** The images of a service or function, where they differ. */
  readonly image?: { readonly before?: ImageParts; readonly after?: ImageParts };
  readonly risk: Risk;
}

/** The tables of an environment: their key columns tell rows apart. */
export type Tables = Readonly<Record<string, Table>>;

/**
 * What would change from one pin to another, facet by facet, in a stable order. Equal pins have no changes, and neither
 * have pins that say the same in another order of rows or statements.
 *
 * @param tables the environment's; without them rows are told apart by the first column that can
 */
export function diffPinned(before: Pinned, after: Pinned, tables: Tables = {}): Change[] {
  return facets.flatMap((facet) => {
    const from: Record<string, unknown> = before.facets[facet];
    const to: Record<string, unknown> = after.facets[facet];
    const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
    return names.flatMap((entry) => changeOf(facet, entry, own(from, entry), own(to, entry), tables));
  });
}

function changeOf(facet: Facet, entry: string, before: unknown, after: unknown, tables: Tables): Change[] {
  if (canonicalJson(before ?? null) === canonicalJson(after ?? null)) return [];
  const action = before === undefined ? "added" : after === undefined ? "removed" : "changed";
  const told = { ...rowsIn(facet, entry, before, after, tables), ...statementsIn(facet, before, after) };
  const lists = [told.rows, told.statements].some((list) => (list ?? []).length > 0) || told.rowFiles !== undefined;
  const values = valuesThatDiffer(rest(facet, before), rest(facet, after), action);
  if (action === "changed" && values.length === 0 && !lists) return [];
  const image = imagesIn(facet, before, after);
  const change = { facet, entry, action, values, ...told, ...(image === undefined ? {} : { image }) } as const;
  return [{ ...change, risk: riskOf(change) }];
}

function rowsIn(
  facet: Facet,
  entry: string,
  before: unknown,
  after: unknown,
  tables: Tables,
): Pick<Change, "rows" | "rowFiles"> {
  if (facet !== "config") return {};
  const [from, to] = [fileOf(before), fileOf(after)];
  if (from === undefined && to === undefined) return { rows: rowChanges(before, after, tables[entry]) };
  if (from?.digest === to?.digest) return {};
  return { rowFiles: { ...(from === undefined ? {} : { before: from }), ...(to === undefined ? {} : { after: to }) } };
}

function statementsIn(facet: Facet, before: unknown, after: unknown): Pick<Change, "statements"> {
  if (facet !== "storage") return {};
  const statements = statementChanges(before, after);
  return statements === undefined ? {} : { statements };
}

function imagesIn(facet: Facet, before: unknown, after: unknown): Change["image"] {
  if (facet !== "services" && facet !== "functions") return undefined;
  const image = (entry: unknown) => (isFields(entry) && typeof entry.image === "string" ? entry.image : undefined);
  const [from, to] = [image(before), image(after)];
  if (from === to) return undefined;
  return {
    ...(from === undefined ? {} : { before: imageParts(from) }),
    ...(to === undefined ? {} : { after: imageParts(to) }),
  };
}

/** An entry without what is told in lists of its own. */
function rest(facet: Facet, entry: unknown): unknown {
  if (!isFields(entry)) return entry;
  if (facet === "config") return without(entry, ["rows", "file", "digest", "count"]);
  return facet === "storage" ? withoutStatements(entry) : entry;
}

function without(entry: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !names.includes(name)));
}

function valuesThatDiffer(before: unknown, after: unknown, action: Action): ValueChange[] {
  if ((before === undefined || isFields(before)) && (after === undefined || isFields(after))) {
    return microdiff(before ?? {}, after ?? {}).map((difference) => ({
      path: difference.path.join("."),
      before: difference.type === "CREATE" ? undefined : (difference.oldValue as unknown),
      after: difference.type === "REMOVE" ? undefined : (difference.value as unknown),
    }));
  }
  return action === "changed" && canonicalJson(before) === canonicalJson(after) ? [] : [{ path: "", before, after }];
}

/** A line per value that differs: `functions/score_prism image: scoring@sha256:… → scoring@sha256:…`. */
export function describeChange({ facet, entry, action, values, rows, rowFiles, statements }: Change): string[] {
  const name = `${facet}/${entry}`;
  if (action !== "changed") return [`${name} ${action}`];
  const line = (path: string, before: unknown, after: unknown): string =>
    `${name}${path && ` ${path}`}: ${brief(before)} → ${brief(after)}`;
  return [
    ...values.map(({ path, before, after }) => line(path, before, after)),
    ...(rows ?? []).flatMap(({ key, before, after, columns }) =>
      before === undefined || after === undefined
        ? [line(key, before, after)]
        : columns.map((column) => line(`${key}.${column}`, before[column], after[column])),
    ),
    ...(rowFiles === undefined ? [] : [line("rows", told(rowFiles.before), told(rowFiles.after))]),
    ...(statements ?? []).map(({ statement, before, after }) => line(`statement ${statement}`, before, after)),
  ];
}

const told = (file: RowFile | undefined): unknown => (file === undefined ? undefined : file.digest);

/** A value on one line: digests keep their first twelve digits, other long texts their first hundred. */
export function brief(value: unknown): string {
  if (value === undefined) return "nothing";
  return shortened(shortDigests(stringifyExactly(value) ?? ""), 100);
}
