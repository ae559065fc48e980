import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isNoSuchBucket, readPolicy } from "../checks/policy";
import { keysOf, readRowTexts } from "../checks/row-comparison";
import { locatedTable } from "../checks/row-probes";
import { pinnedSource } from "../checks/row-source";
import { tableExists } from "../checks/rows";
import { writeOrRefuse } from "./disk";
import { writeSealed } from "./sealed-folder";
import { withClients, type OpenedStack } from "./stack";

/** A backup of the present state, on the disk and complete. */
export interface Backup {
  readonly folder: string;
  /** The files in it, `SHA256SUMS` aside. */
  readonly files: readonly string[];
}

/**
 * Keeps what a rollback is about to change: the stack file, the engine's state (secrets stay encrypted), the pinned
 * rows and policies as they are now.
 * @throws Refusal where the folder of the backups takes no more
 */
export async function backUp(stack: OpenedStack, now: Date): Promise<Backup> {
  const { engine, folder, file } = stack;
  const placeAt = (time: Date): string =>
    join(folder, ".rewind", "backups", engine.name, time.toISOString().replace(/[-:]|\.\d+/g, ""));
  // Of two in one second the later one is named by the next.
  let place = placeAt(now);
  for (let later = 1; existsSync(place); later += 1) place = placeAt(new Date(now.getTime() + later * 1_000));
  const contents: Record<string, string> = {
    [basename(file)]: readFileSync(file, "utf8"),
    "state.json": await engine.exportState(),
    ...(await liveConfiguration(stack)),
  };
  writeOrRefuse(dirname(place), () => {
    writeSealed(place, contents);
  });
  return { folder: place, files: Object.keys(contents) };
}

async function liveConfiguration(stack: OpenedStack): Promise<Record<string, string>> {
  const { environment, pinned } = stack.settings;
  return withClients(stack, async (clients) => {
    const rows: Record<string, string> = {};
    for (const [name, pin] of Object.entries(pinned.facets.config)) {
      const located = locatedTable(stack.settings, name);
      // A table that is gone must not stand in the way of the rollback that brings it back.
      if (located === undefined || !(await tableExists(clients.database(), located))) continue;
      const live: string[] = [];
      for await (const keys of keysOf(pinnedSource(pin, stack.folder), located.table)) {
        live.push(...(await readRowTexts(clients.database(), located, keys)).values());
      }
      rows[`rows-${name}.jsonl`] = live.map((row) => `${row}\n`).join("");
    }
    const policies: Record<string, unknown> = {};
    for (const name of Object.keys(pinned.facets.storage)) {
      const bucket = environment.objectStore?.buckets[name];
      if (bucket === undefined) continue;
      policies[name] = await readPolicy(clients, bucket).catch((error: unknown) => {
        // A bucket that is gone must not stand in the way of the rollback that brings it back.
        if (isNoSuchBucket(error)) return undefined;
        throw error;
      });
    }
    return { ...rows, "policies.json": pretty(policies) };
  });
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
