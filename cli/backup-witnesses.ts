import { createPublicKey, type KeyObject } from "node:crypto";
import type { BackupNoted } from "../records/entry";
import type { DeploymentLog } from "../records/log";
import { verifyLog } from "../records/verify";
import { digestOf, provenanceOf, type Witnesses } from "../recovery/backups/provenance";
import type { Backup } from "../recovery/backups/read";
import type { Vouching } from "../recovery/backups/write";
import type { Settings } from "../release/parse";
import { privateKey, publicKey } from "./key-file";
import { Refusal } from "./result";
import type { Where } from "./stack";
import { openLog, readStack, type StackLog } from "./stack-file";

const help = "docs/decisions/0037-backups-prove-who-made-them.md";

/** What a caller says of backups that nothing proves. */
export interface Trust {
  /** The file of a public key whose signature is believed, beside those that the stack declares. */
  readonly signer?: string | undefined;
  /** Whether a backup is used although nothing proves who made it; that is written down. */
  readonly unproven: boolean;
}

/** Writes down which manifest a backup has. */
export type Note = NonNullable<Vouching["note"]>;

/** Writes it into a deployment log. */
export const noteIn =
  (log: Pick<DeploymentLog, "append">): Note =>
  (backup, manifest) => {
    log.append({ kind: "backup", act: "made", backup, manifest });
  };

/** How a backup comes to prove who made it: a note, and the signature of the key that REWIND_BACKUP_KEY names. */
export function vouchingFor(note: Note): Vouching {
  const file = process.env.REWIND_BACKUP_KEY;
  if (file === undefined || file === "") return { note };
  return { note, key: privateKey(file, { option: "REWIND_BACKUP_KEY", help }) };
}

/** The log of a stack, and what speaks for its backups. */
export interface StackWitnesses extends Witnesses {
  readonly log: StackLog;
  /** What the stack file says now; undefined where it cannot be read, so that it does not say where the log is either. */
  readonly settings: Settings | undefined;
}

/**
 * What speaks for the backups of a stack. Where its stack file cannot be read, which may be what is to come back, its log
 * is looked for where it lies unless a stack file says otherwise, and only keys that the caller names are believed.
 */
export function witnessesOf({ folder }: Where, stack: string, { signer }: Pick<Trust, "signer">): StackWitnesses {
  const named = signer === undefined ? [] : [publicKey(signer, { option: "--signer <file>", help })];
  const filed = readFiled({ folder, stack });
  const log = filed?.log ?? openLog(folder, stack);
  const keys = [...named, ...(filed?.settings.backups?.signers ?? []).map(declaredKey)];
  return { log, settings: filed?.settings, keys, ...entriesOf(log) };
}

function readFiled(where: Where): ReturnType<typeof readStack> | undefined {
  try {
    return readStack(where);
  } catch {
    return undefined;
  }
}

const declaredKey = (base64: string): KeyObject =>
  createPublicKey({ key: Buffer.from(base64, "base64"), format: "der", type: "spki" });

/** A log that was changed speaks for nothing. */
function entriesOf(log: StackLog): Pick<Witnesses, "entries" | "unread"> {
  try {
    const bytes = log.bytes();
    if (verifyLog(bytes, log.location).result !== "tampered") return { entries: log.entries(bytes) };
    return { entries: [], unread: `${log.location} is not what was written` };
  } catch (error) {
    return { entries: [], unread: `${log.location} cannot be read: ${(error as Error).message}` };
  }
}

/** What is written down where a backup is used although nothing proves who made it. */
export type UnprovenUse = Required<Pick<BackupNoted, "kind" | "act" | "backup" | "manifest" | "verb">>;

/**
 * Demands that something proves who made a backup.
 * @returns what to write down where nothing does and the caller says that it may be used so
 * @throws Refusal
 */
export function demandProof(
  backup: Backup,
  verb: UnprovenUse["verb"],
  witnesses: Witnesses,
  { unproven }: Trust,
): UnprovenUse | undefined {
  const provenance = provenanceOf(backup, witnesses);
  if (provenance.by !== "nothing") return undefined;
  if (unproven) return unprovenUse(backup, verb);
  const { forged, why } = provenance;
  throw new Refusal(
    `nothing proves who made ${backup.id}: ${why}; nothing was touched`,
    "rewind backup choose, which names one that is proved; --unproven where you know where this one comes from",
    forged ? "tampered" : "refused",
  );
}

/** What is written down of a use that nothing proved. */
export function unprovenUse(backup: Backup, verb: UnprovenUse["verb"]): UnprovenUse {
  return { kind: "backup", act: "unproven", backup: backup.id, manifest: digestOf(backup), verb };
}

/** The same for machines: left out where something proves it. */
export const saidUnproven = (use: UnprovenUse | undefined): { readonly unproven?: true } =>
  use === undefined ? {} : { unproven: true };
