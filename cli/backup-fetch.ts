import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { describeError } from "../checks/probe";
import { locationOf, type CopyPlace } from "../recovery/backups/copy";
import { BadCopy, copiesIn, fetchCopy } from "../recovery/backups/fetch";
import type { Backup } from "../recovery/backups/read";
import { redactor } from "../release/redact";
import { shown, sizeOf, summaryOf } from "./backup-list";
import { backupsOf, copyPlaceOf } from "./backup-place";
import { demandProof, saidUnproven, witnessesOf, type Trust, type UnprovenUse } from "./backup-witnesses";
import { exitCodes } from "./exit-codes";
import type { BackupFetchJson } from "./json/backup";
import { refuseOtherStack } from "./restore-proof";
import { Refusal, type VerbResult } from "./result";
import { open, withClients, type OpenedStack, type Where } from "./stack";
import { counted } from "../release/text";

/** What the caller wants fetched. */
export interface FetchOptions extends Trust {
  /** The newest copy unless said. */
  readonly id: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * `rewind backup fetch`: a copy of a backup from the object store, for a machine that has lost its own, or never had it.
 * @throws Refusal when there is none, it is here already, or it is not what was written
 */
export async function fetchBackup(where: Where, options: FetchOptions): Promise<VerbResult<BackupFetchJson>> {
  const stack = await open(where, options.signal);
  const place = copyPlaceOf(stack);
  const all = backupsOf(stack.folder, stack.engine.name);
  const witnesses = witnessesOf(where, stack.engine.name, options);
  let use: UnprovenUse | undefined;
  const prove = (copy: Backup): void => {
    refuseOtherStack(stack.engine.name, copy);
    use = demandProof(copy, "fetch", witnesses, options);
  };
  const backup = await fetched(stack, place, { all, prove }, options.id);
  if (use !== undefined) stack.log.append(use);
  const copy = `${locationOf(place)}/${backup.id}`;
  const text = [
    `${copy}: ${counted(backup.files.length, "file")}, ${shown(sizeOf(backup))}, ${backup.parts.join(", ")}`,
    relative(stack.folder, backup.place),
    `Next: rewind backup verify ${backup.id} --level comprehensive`,
  ].join("\n");
  return {
    code: exitCodes.ok,
    text,
    json: { stack: stack.engine.name, ...summaryOf(backup), copy, ...saidUnproven(use) },
  };
}

async function fetched(
  stack: OpenedStack,
  from: CopyPlace,
  { all, prove }: { readonly all: string; readonly prove: (copy: Backup) => void },
  asked: string | undefined,
): Promise<Backup> {
  try {
    return await withClients(stack, async (clients) => {
      const store = clients.objectStore("own");
      const copies = await copiesIn(store, from);
      const id = asked ?? copies[0];
      if (id === undefined || !copies.includes(id)) refuseUnknown(from, copies, id);
      if (existsSync(join(all, id))) throw new Refusal(`${id} is here already`, `rewind backup verify ${id}`);
      return fetchCopy(store, from, id, all, prove);
    });
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const why = redactor(stack.secrets)(describeError(error));
    if (error instanceof BadCopy) throw new Refusal(`${why}; nothing is kept of it`, "another copy", "tampered");
    throw new Refusal(`nothing was fetched: ${why}`, "rewind doctor, then the same command again");
  }
}

function refuseUnknown(from: CopyPlace, copies: readonly string[], id: string | undefined): never {
  const place = locationOf(from);
  const what = id === undefined ? `${place} has no copy of a backup` : `${place} has no ${JSON.stringify(id)}`;
  const newest = copies.slice(0, 5).join(", ");
  throw new Refusal(copies.length === 0 ? what : `${what}; the newest are ${newest}`, "rewind backup create --copy");
}
