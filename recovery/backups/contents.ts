import { cpSync, createReadStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { ClassicLevel } from "classic-level";
import { verifyLog } from "../../records/verify";
import { isNoLock } from "./folders";
import type { Backup } from "./read";

/** What was found in the files of one kind: how many were opened, and what is wrong with any. */
export interface Opened {
  readonly count: number;
  readonly problems: readonly string[];
}

/** Parses every JSON file of a backup, and every line of its files of JSON Lines. */
export async function openJson({ place, files }: Backup): Promise<Opened> {
  const problems: string[] = [];
  const chosen = files.filter(({ path }) => /\.jsonl?$/.test(path));
  for (const { stored } of chosen) {
    const problem = stored.endsWith(".jsonl")
      ? await firstBadLine(join(place, stored))
      : parses(readFileSync(join(place, stored), "utf8"))
        ? undefined
        : "is no JSON, or not all of it";
    if (problem !== undefined) problems.push(`${stored} ${problem}`);
  }
  return { count: chosen.length, problems };
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function firstBadLine(path: string): Promise<string | undefined> {
  const torn = path.includes("/records/");
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  let [number, bad] = [0, 0];
  for await (const line of lines) {
    number += 1;
    // A line that a crash tore off stays in a log, and the log's own check says what is wrong with others.
    if (line !== "" && !torn && !parses(line)) bad ||= number;
  }
  return bad === 0 ? undefined : `is no JSON in line ${bad}`;
}

/** Verifies the chain of every deployment log of a backup. */
export function openLogs({ place, files }: Backup): Opened {
  const logs = files.filter(({ path }) => /^records\/[^/]+\.jsonl$/.test(path));
  const problems = logs.flatMap(({ stored }) => {
    const { result, findings } = verifyLog(readFileSync(join(place, stored)), stored);
    if (result !== "tampered") return [];
    return findings.slice(0, 1).map(({ line, reason }) => `${stored}: line ${line}: ${reason}`);
  });
  return { count: logs.length, problems };
}

/** Opens a copy of every LevelDB of a backup, and reads all that is in it. */
export async function openLevels({ place, files }: Backup): Promise<Opened> {
  const folders = files.filter(({ path }) => path.endsWith("/CURRENT")).map(({ stored }) => dirname(stored));
  const problems: string[] = [];
  for (const folder of folders) {
    try {
      await readCopy(join(place, folder));
    } catch (error) {
      const { message, cause } = error as Error;
      problems.push(`${folder} cannot be opened: ${cause instanceof Error ? cause.message : message}`);
    }
  }
  return { count: folders.length, problems };
}

/**
 * Reads a copy of a LevelDB to its end: LevelDB writes when it is opened. Returns how many records it has.
 * @throws Error when it cannot be copied or opened, or a block of it is not what was written
 */
export async function readCopy(folder: string): Promise<number> {
  const copy = mkdtempSync(join(tmpdir(), "rewind-level-"));
  try {
    cpSync(folder, copy, { recursive: true, filter: isNoLock });
    return await readLevel(copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/**
 * Reads a LevelDB to its end, and returns how many records it has.
 * @throws Error when it cannot be opened, or a block of it is not what was written
 */
export async function readLevel(folder: string): Promise<number> {
  const level = new ClassicLevel<Buffer, Buffer>(folder, {
    createIfMissing: false,
    keyEncoding: "buffer",
    valueEncoding: "buffer",
  });
  await level.open();
  try {
    const all = level.values({ fillCache: false });
    let count = 0;
    while ((await all.next()) !== undefined) count += 1;
    return count;
  } finally {
    await level.close();
  }
}
