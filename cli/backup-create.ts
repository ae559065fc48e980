import { relative } from "node:path";
import { describeError } from "../checks/probe";
import { copyBackup, type CopyPlace } from "../recovery/backups/copy";
import { isReadable, readBackup, type Backup } from "../recovery/backups/read";
import { redactor } from "../release/redact";
import { backUp, partsOf } from "./backup";
import { shown, sizeOf, summaryOf } from "./backup-list";
import { copyPlaceOf } from "./backup-place";
import { exitCodes } from "./exit-codes";
import type { BackupCreateJson } from "./json/backup";
import { duration } from "./report";
import { Refusal, type Tell, type VerbResult } from "./result";
import { open, withClients, type OpenedStack, type Where } from "./stack";
import { counted } from "../release/text";

/** What the caller wants of a backup. */
export interface CreateOptions {
  readonly name?: string;
  /** Beside those of the settings. */
  readonly encryptTo: readonly string[];
  /** Whether it is copied to the object store, too. */
  readonly copy: boolean;
  readonly now: Date;
  readonly tell: Tell;
  readonly signal: AbortSignal;
}

/**
 * `rewind backup create`: every part of a stack, whole or not at all.
 * @throws Refusal when a part could not be read or written: there is no new backup then
 */
export async function createBackup(where: Where, options: CreateOptions): Promise<VerbResult<BackupCreateJson>> {
  const { name, encryptTo, now, tell, signal } = options;
  const stack = await open(where, signal);
  const copyTo = options.copy ? copyPlaceOf(stack) : undefined;
  const parts = partsOf(stack.settings);
  tell(`Backing up ${parts.join(", ")} …`);
  const started = performance.now();
  const recipients = [...(stack.settings.backups?.recipients ?? []), ...encryptTo];
  const labelled = name === undefined ? {} : { name };
  const written = await backUp(stack, { occasion: "request", now, parts, recipients, signal, ...labelled }).catch(
    (error: unknown) => {
      if (error instanceof Refusal) throw error;
      const why = redactor(stack.secrets)(describeError(error));
      throw new Refusal(`no backup was made: ${why}`, "rewind doctor, then the same command again");
    },
  );
  const backup = readBack(written.place);
  const copy = copyTo === undefined ? undefined : await copied(stack, backup, copyTo);
  const text = [
    `${backup.id}: ${counted(backup.files.length, "file")}, ${shown(sizeOf(backup))}, ${backup.parts.join(", ")} (${duration(performance.now() - started)})`,
    relative(stack.folder, backup.place),
    ...(copy === undefined ? [] : [`Copy:  ${copy}, read back`]),
    `Proof: cd ${relative(stack.folder, backup.place)} && sha256sum -c checksums/SHA256SUMS`,
    `Next:  rewind backup verify ${backup.id} --level comprehensive`,
  ].join("\n");
  return {
    code: exitCodes.ok,
    text,
    json: { stack: stack.engine.name, ...summaryOf(backup), ...(copy === undefined ? {} : { copy }) },
  };
}

async function copied(stack: OpenedStack, backup: Backup, place: CopyPlace): Promise<string> {
  try {
    return await withClients(stack, (clients) => copyBackup(clients.objectStore("own"), place, backup));
  } catch (error) {
    const why = redactor(stack.secrets)(describeError(error));
    throw new Refusal(
      `${backup.id} was made, and not copied: ${why}`,
      "rewind doctor, then rewind backup create --copy",
    );
  }
}

function readBack(place: string): Backup {
  const backup = readBackup(place);
  if (isReadable(backup)) return backup;
  throw new Error(`${place} was written and cannot be read: ${backup.reason}`);
}
