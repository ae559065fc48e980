import { InvalidArgumentError, Option, type Command } from "commander";
import type { VerifyLevel } from "../backup-verify";
import { json, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the engine's SDK. */
const load = {
  create: () => require("../backup-create") as typeof import("../backup-create"),
  list: () => require("../backup-list") as typeof import("../backup-list"),
  verify: () => require("../backup-verify") as typeof import("../backup-verify"),
};

const verifyLevels: readonly VerifyLevel[] = ["daily", "comprehensive", "emergency-ready"];

/** A recipient of age; what it is worth is tried when it is used. */
function recipient(text: string, before: readonly string[]): readonly string[] {
  if (!/^age1[0-9a-z]{1,5000}$/.test(text)) throw new InvalidArgumentError("expected a recipient of age, age1…");
  return [...before, text];
}

/** Backups of a stack, and the way back to one. */
export function addBackup(rewind: Command, { finish, heeded, tell }: Kit): void {
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
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      '\n  $ rewind backup create --name "before the migration"\n  $ rewind backup create --encrypt-to age1…',
    )
    .action(async (options: Common & { name?: string; encryptTo: readonly string[] }) => {
      const { name, encryptTo } = options;
      const wanted = { encryptTo, now: new Date(), tell, signal: heeded(), ...(name === undefined ? {} : { name }) };
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
    .command("verify")
    .description("prove that a backup is what was written, and more on the higher levels; changes nothing")
    .argument("[backup]", "its name; the newest unless said")
    .addOption(new Option("-l, --level <level>", "how much is asked of it").choices(verifyLevels).default("daily"))
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nExits 17 when a file is not what was written, 11 when another check failed.\n\n  $ rewind backup verify\n  $ rewind backup verify 20261121T150000Z --level comprehensive",
    )
    .action(async (id: string | undefined, options: Common & { level: VerifyLevel }) => {
      const { level } = options;
      finish(await load.verify().verifyBackup(where(options), { id, level, now: new Date() }), options);
    });
}
