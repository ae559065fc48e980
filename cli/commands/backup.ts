import { InvalidArgumentError, Option, type Command } from "commander";
import type * as manifest from "../../release/backup-manifest";
import type { VerifyLevel } from "../backup-verify";
import { count, json, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the engine's SDK. */
const load = {
  create: () => require("../backup-create") as typeof import("../backup-create"),
  fetch: () => require("../backup-fetch") as typeof import("../backup-fetch"),
  list: () => require("../backup-list") as typeof import("../backup-list"),
  judge: () => require("../backup-judge") as typeof import("../backup-judge"),
  restore: () => require("../restore") as typeof import("../restore"),
  verify: () => require("../backup-verify") as typeof import("../backup-verify"),
};

const verifyLevels: readonly VerifyLevel[] = ["daily", "comprehensive", "emergency-ready"];

/** A recipient of age; what it is worth is tried when it is used. */
function recipient(text: string, before: readonly string[]): readonly string[] {
  if (!/^age1[0-9a-z]{1,5000}$/.test(text)) throw new InvalidArgumentError("expected a recipient of age, age1…");
  return [...before, text];
}

/** The key of age, for a backup that is encrypted. */
const identity = (): Option =>
  new Option("-i, --identity <file>", "the file with the key of age, for an encrypted backup");

/** Says that a backup may be used although nothing proves who made it. */
const unproven = (): Option =>
  new Option("--unproven", "use it although nothing proves who made it; the deployment log keeps that").default(false);

/** A key beside those that the stack declares, for a stack whose file is lost. */
const signer = (): Option =>
  new Option(
    "--signer <file>",
    "a public Ed25519 key whose signature is believed, beside those of rewind:backups.signers",
  );

interface TrustFlags {
  readonly unproven: boolean;
  readonly signer?: string;
}

/** One part of a backup or several. */
const part = (): Option =>
  new Option("-p, --part <part>", "a part; may be given several times; all unless said")
    .choices(["stack", "state", "rows", "policies", "database", "records", "extra"] satisfies manifest.BackupPart[])
    .argParser<readonly manifest.BackupPart[]>(partNamed)
    .default([], "all");

function partNamed(text: string, before: readonly manifest.BackupPart[]): readonly manifest.BackupPart[] {
  const { backupParts } = require("../../release/backup-manifest") as typeof manifest;
  const found = backupParts.find((each) => each === text);
  if (found === undefined) throw new InvalidArgumentError(`expected one of ${backupParts.join(", ")}`);
  return [...new Set([...before, found])];
}

interface Parts extends Common {
  readonly part: readonly manifest.BackupPart[];
}

interface RestoreFlags extends Parts, TrustFlags {
  readonly identity?: string;
  readonly yes?: boolean;
}

/** Backups of a stack, and the way back to one. */
export function addBackup(rewind: Command, { confirmed, finish, heeded, tell }: Kit): void {
  const backup = rewind.command("backup").description("a stack with all that belongs to it, kept, proved, chosen");
  backup
    .command("create")
    .description("keep stack file, state, rows, policies, database, records and declared folders; whole or not at all")
    .option("--name <text>", "what it is called in lists")
    .option(
      "--encrypt-to <recipient>",
      "encrypt it for a recipient of age, beside those of the settings",
      recipient,
      [],
    )
    .option("--copy", "copy it to the object store, too, and read it back (rewind:backups.copy says where)")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      '\n  $ rewind backup create --name "before the migration"\n  $ rewind backup create --encrypt-to age1…\n\nThe deployment log keeps the digest of its manifest. REWIND_BACKUP_KEY names a private Ed25519 key that signs it, too.',
    )
    .action(async (options: Common & { name?: string; encryptTo: readonly string[]; copy?: boolean }) => {
      const { name, encryptTo, copy = false } = options;
      const wanted = {
        encryptTo,
        copy,
        now: new Date(),
        tell,
        signal: heeded(),
        ...(name === undefined ? {} : { name }),
      };
      finish(await load.create().createBackup(where(options), wanted), options);
    });
  backup
    .command("list")
    .description("the backups there are, newest first; offline")
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", "\n  $ rewind backup list --stack prod")
    .action((options: Common) => {
      finish(load.list().listBackups(where(options)), options);
    });
  backup
    .command("fetch")
    .description("bring a copy back from the object store, proved by its sums")
    .argument("[backup]", "its name; the newest copy unless said")
    .addOption(unproven())
    .addOption(signer())
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", "\n  $ rewind backup fetch\n  $ rewind backup fetch 20261121T150000Z --stack prod")
    .action(async (id: string | undefined, options: Common & TrustFlags) => {
      const { unproven, signer } = options;
      finish(await load.fetch().fetchBackup(where(options), { id, unproven, signer, signal: heeded() }), options);
    });
  backup
    .command("verify")
    .description("prove that a backup is what was written, and more on the higher levels; changes nothing")
    .argument("[backup]", "its name; the newest unless said")
    .addOption(new Option("-l, --level <level>", "how much is asked of it").choices(verifyLevels).default("daily"))
    .addOption(identity())
    .addOption(unproven())
    .addOption(signer())
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nExits 17 when a file is not what was written, 11 when another check failed.\n\n  $ rewind backup verify\n  $ rewind backup verify 20261121T150000Z --level comprehensive",
    )
    .action(
      async (id: string | undefined, options: Common & TrustFlags & { level: VerifyLevel; identity?: string }) => {
        const { level, identity, unproven, signer } = options;
        const wanted = { id, level, identity, unproven, signer, now: new Date() };
        finish(await load.verify().verifyBackup(where(options), wanted), options);
      },
    );
  backup
    .command("quality")
    .description("score backups by completeness, integrity, age and size; offline")
    .argument("[backup]", "its name; all unless said")
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", "\n  $ rewind backup quality 20261121T150000Z")
    .action((id: string | undefined, options: Common) => {
      finish(load.judge().backupQuality(where(options), id, new Date()), options);
    });
  backup
    .command("choose")
    .description("the backup to go back to, in the order of preference, and why not the others; offline")
    .addOption(part())
    .addOption(unproven())
    .addOption(signer())
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nKept at a conversion of the records comes first, then kept before a rollback or restore, then made on request.\n\n  $ rewind backup choose --part database",
    )
    .action((options: Parts & TrustFlags) => {
      const { part: wanted, unproven, signer } = options;
      finish(load.judge().chooseBackup(where(options), { wanted, unproven, signer, now: new Date() }), options);
    });
  backup
    .command("prune")
    .description("remove backups that nobody needs; without --yes it only says which")
    .option("-k, --keep <count>", "how many of the newest are kept; 14 unless the settings say otherwise", count)
    .option("-y, --yes", "remove them")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nThe last good one stays, and the last good one of every known-good release.\n\n  $ rewind backup prune --keep 7\n  $ rewind backup prune --keep 7 --yes",
    )
    .action((options: Common & { keep?: number; yes?: boolean }) => {
      const { keep, yes = false } = options;
      finish(load.judge().pruneBackups(where(options), { keep, yes, now: new Date() }), options);
    });

  rewind
    .command("restore")
    .description("bring a stack back as a backup has it, or one part; what is there is backed up first")
    .argument("[backup]", "its name; the one that rewind backup choose names unless said")
    .addOption(part())
    .addOption(identity())
    .addOption(unproven())
    .addOption(signer())
    .option("-y, --yes", "do not ask; a production stack must be named by --stack then")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nThe backup is proved and opened first. Refused exits 10 (17 when it is not what was written) and touches nothing.\n\n  $ rewind restore --part rows\n  $ rewind restore 20261121T150000Z --part database --yes --stack staging",
    )
    .action(async (id: string | undefined, options: RestoreFlags) => {
      const { part: parts, identity, unproven, signer, yes, stack: named } = options;
      const agreed = yes !== true ? "no" : named === undefined ? "unnamed" : "named";
      const wanted = {
        id,
        parts,
        identity,
        unproven,
        signer,
        agreed,
        confirm: confirmed,
        tell,
        now: () => new Date(),
      } as const;
      finish(await load.restore().restore(where(options), { ...wanted, signal: heeded() }), options);
    });
}
