import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chainedLine, sha256 } from "../records/line";
import { openFileLog, type Draft } from "../records/log";
import { verifyLog } from "../records/verify";
import type { Entry } from "../records/entry";
import { timed } from "./catalogue";
import { figureOf, type Figure } from "./figure";
import { home, runs } from "./project";

/** Appends in each run: one alone is a matter of what else the disk does. */
const appends = 100;
const entries = 100_000;
const checks = Array.from({ length: 4 }, (_, at) => ({
  ...{ name: `health ${at}`, result: "passed" as const, evidence: "GET /health → 200", milliseconds: 9, attempts: 1 },
}));
const draft: Draft = {
  kind: "outcome",
  of: "20231114T000000Z-00000000",
  result: "passed",
  checks,
  milliseconds: 9_000,
};

/**
 * An append against a bare write of as many bytes and an fsync, one after the other on the same disk; and the
 * verification of a hundred thousand entries against two seconds.
 */
export async function logFigures(runs: number): Promise<Figure[]> {
  // The temporary folder may lie in memory, where an fsync costs nothing.
  mkdirSync(home, { recursive: true });
  const folder = mkdtempSync(join(home, "log-"));
  try {
    const path = join(folder, "log.jsonl");
    const log = openFileLog(path, "bench", String);
    log.append(draft);
    const line = readFileSync(path, "utf8");
    const bare = openSync(join(folder, "bare"), "a");
    const [ours, theirs]: [number[], number[]] = [[], []];
    const turns = [
      { series: ours, work: () => log.append(draft) },
      {
        series: theirs,
        work: () => {
          writeFileSync(bare, line);
          fsyncSync(bare);
        },
      },
    ];
    for (let round = 0; round < runs * appends; round += 1) {
      for (const { series, work } of round % 2 === 0 ? turns : turns.toReversed()) series.push(await timed(work));
    }
    closeSync(bare);
    const bytes = longLog();
    const verifying: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      verifying.push(
        await timed(() => {
          verifySound(bytes);
        }),
      );
    }
    return [
      figureOf("1,000 appends to the log, against a bare write and fsync", perThousand(ours), perThousand(theirs), 1.3),
      figureOf("verification of 100,000 entries", verifying, [2_000], 1),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In milliseconds for a thousand, since figures are whole numbers. */
const perThousand = (series: readonly number[]): number[] => series.map((milliseconds) => milliseconds * 1_000);

function verifySound(bytes: Buffer): void {
  if (verifyLog(bytes, "bench").result !== "sound") throw new Error("the log was not found to be sound");
}

function longLog(): Buffer {
  const lines: string[] = [];
  for (let at = 1; at <= entries; at += 1) {
    const written = { version: 3 as const, id: `20231114T000000Z-${at.toString(16).padStart(8, "0")}`, at: "x" };
    const entry = { ...written, stack: "bench", by: "bench@here", ...draft } as Entry;
    const before = lines.at(-1);
    lines.push(`${chainedLine(entry, { previous: sha256(before ?? ""), token: at })}\n`);
  }
  return Buffer.from(lines.join(""));
}

if (require.main === module) {
  void logFigures(runs).then((figures) => {
    for (const figure of figures) process.stdout.write(`${JSON.stringify(figure)}\n`);
  });
}
