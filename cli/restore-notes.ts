import type { BackupNoted, Entry } from "../records/entry";
import type { DeploymentLog } from "../records/log";
import type { Note, UnprovenUse } from "./backup-witnesses";

type Noted = UnprovenUse | Pick<BackupNoted, "kind" | "act" | "backup" | "manifest">;

/**
 * What a restore writes down of backups. The log may be what is to come back: then a note waits for it, and one that the
 * returning log does not have is written into it once more, or the way back would be unproven.
 */
export class RestoreNotes {
  private readonly noted: (Noted & { readonly id: string })[] = [];

  /** @param waits whether the log is lost, and comes back */
  constructor(
    private readonly log: DeploymentLog,
    private readonly waits: boolean,
  ) {}

  add(note: Noted): void {
    const draft = { ...note, id: this.log.nextId() };
    this.noted.push(draft);
    if (!this.waits) this.log.append(draft);
  }

  /** Notes the backup of what is there. */
  readonly made: Note = (backup, manifest) => {
    this.add({ kind: "backup", act: "made", backup, manifest });
  };

  /** Writes what the log does not have. */
  settle(log: DeploymentLog = this.log): void {
    if (this.noted.length === 0) return;
    const there = new Set(log.entries().map(({ id }) => id));
    for (const note of this.noted.filter(({ id }) => !there.has(id))) log.append(note);
  }
}

/** Whether a log has nothing, or cannot be read. */
export function isLost(log: DeploymentLog): boolean {
  let entries: readonly Entry[];
  try {
    entries = log.entries();
  } catch {
    return true;
  }
  return entries.length === 0;
}
