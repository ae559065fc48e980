import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** A base backup as its record says it. It counts only when its record is there: that is written last. */
export interface BaseBackup {
  readonly id: string;
  /** The server's clock, ISO 8601. Everything up to `ended` is in it or before it. */
  readonly started: string;
  readonly ended: string;
  readonly system: string;
  readonly major: number;
  readonly bytes: number;
}

/** The base backups of a folder, oldest first. A record that cannot be read is no backup. */
export function baseBackupsIn(folder: string): BaseBackup[] {
  const records = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return records
    .flatMap((name): BaseBackup[] => {
      try {
        const record = JSON.parse(readFileSync(join(folder, name), "utf8")) as BaseBackup;
        const whole = record.id === name.slice(0, -5) && statSync(join(folder, record.id)).isDirectory();
        return whole && !Number.isNaN(Date.parse(record.ended)) ? [record] : [];
      } catch {
        return [];
      }
    })
    .sort((a, b) => (a.ended < b.ended ? -1 : 1));
}

/** The newest base backup that ended before a moment: what comes after it is in the archive. */
export function newestBefore(backups: readonly BaseBackup[], moment: string): BaseBackup | undefined {
  return backups.findLast(({ ended }) => Date.parse(ended) < Date.parse(moment));
}

/**
 * The first segment of the write-ahead log that an archive lacks although it has later ones: where a recovery would end
 * before its target. Undefined when there is no gap.
 *
 * @param names what lies in the archive
 * @param first the segment with which the recovery begins
 * @param segmentBytes how large a segment of this server is
 */
export function gapAfter(names: readonly string[], first: string, segmentBytes: number): string | undefined {
  const timeline = first.slice(0, 8);
  const segments = new Set(names.filter((name) => /^[0-9A-F]{24}$/.test(name) && name.startsWith(timeline)));
  const last = [...segments].sort().at(-1);
  if (last === undefined) return first;
  for (let name = first; name <= last; name = nextSegment(name, segmentBytes)) if (!segments.has(name)) return name;
  return undefined;
}

/** The name of the segment after another: 32 bits of timeline, of log, and of segment within the log. */
export function nextSegment(name: string, segmentBytes: number): string {
  const perLog = 0x1_0000_0000 / segmentBytes;
  const [log, segment] = [Number.parseInt(name.slice(8, 16), 16), Number.parseInt(name.slice(16), 16) + 1];
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, "0");
  return `${name.slice(0, 8)}${hex(segment >= perLog ? log + 1 : log)}${hex(segment >= perLog ? 0 : segment)}`;
}
