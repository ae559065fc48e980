import { readYaml } from "../project/yaml";
import type { Digest, ReleaseId } from "../release/primitives";
import { anchoredIn, blockText, withEdits } from "../project/stack-edit";

/** What changes in a stack file's catalogue. */
export interface CatalogueEdit {
  readonly add?: { readonly id: ReleaseId; readonly record: unknown };
  /** Releases that go, because the archive has them. */
  readonly remove?: readonly ReleaseId[];
  readonly archive?: { readonly file: string; readonly digest: Digest };
}

const catalogue = "rewind:releases";

/**
 * A stack file with another catalogue.
 * @throws Error when the file is written in a way that cannot be edited so
 */
export function withCatalogue(text: string, { add, remove = [], archive }: CatalogueEdit): string {
  return withEdits(text, [
    ...remove.map((id) => ({ path: [catalogue, id] as const, value: undefined })),
    ...(add === undefined ? [] : [{ path: [catalogue, add.id] as const, value: add.record, as: "block" as const }]),
    ...(archive === undefined ? [] : [{ path: ["rewind:archive"] as const, value: archive }]),
  ]);
}

/** The releases whose own lines hold an anchor that another place refers to: they cannot be taken out. */
export const anchored = (text: string): Set<ReleaseId> => anchoredIn(readYaml(text), catalogue);

/** A release as YAML that every parser reads alike. */
export const releaseText = blockText;
