import type { Digest } from "../release/primitives";
import type { Entry } from "./entry";
import { isIntact, lineFeed, linkOf, type Link } from "./line";
import { lastChained } from "./tail";

/** One line of a log, named so that no other can be taken for it. */
export type LogLine = Pick<Link, "token" | "digest">;

/** What the state of a stack remembers of its deployment log. */
export interface Remembered {
  /** The id of the deployment that was verified last. */
  readonly entry: string;
  /** The last line before that deployment; undefined where it was the first. */
  readonly line?: LogLine | undefined;
}

/** The last line of a log that is bound to those before it; undefined while there is none. */
export function lastLine(bytes: Buffer): LogLine | undefined {
  const last = lastChained(bytes);
  if (last === undefined) return undefined;
  const end = bytes.indexOf(lineFeed, last.start);
  const link = linkOf(bytes.subarray(last.start, end < 0 ? bytes.length : end));
  return link === undefined ? undefined : { token: link.token, digest: link.digest };
}

/**
 * Why a log cannot be the one that a stack was verified with: it is another, or lacks what was in it then.
 * @returns undefined when it can be
 */
export function whyAnotherLog(
  { entry, line }: Remembered,
  entries: readonly Entry[],
  bytes: Buffer,
): string | undefined {
  if (!entries.some(({ kind, id }) => kind === "intent" && id === entry)) {
    const has = entries.length === 0 ? "is empty" : `ends with ${entries.at(-1)?.id ?? ""}`;
    return `it ${has} and lacks ${entry}, which was verified last`;
  }
  if (line === undefined || hasLine(bytes, line)) return undefined;
  return `it has ${entry}, and what stood before it is not what stands there now`;
}

function hasLine(bytes: Buffer, { token, digest }: { readonly token: number; readonly digest: Digest }): boolean {
  const end = bytes.indexOf(`,"token":${token},"digest":"${digest}"}\n`);
  if (end < 0) return false;
  const line = bytes.subarray(bytes.lastIndexOf(lineFeed, end) + 1, bytes.indexOf(lineFeed, end));
  const link = linkOf(line);
  return link?.digest === digest && isIntact(line, link);
}
