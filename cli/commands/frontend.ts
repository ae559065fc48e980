import { resolve } from "node:path";
import type { Command } from "commander";
import { json, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the engine's SDK. */
const load = {
  frontend: () => require("../frontend") as typeof import("../frontend"),
};

/** The builds of frontends. */
export function addFrontend(rewind: Command, { finish, heeded }: Kit): void {
  rewind
    .command("frontend")
    .description("the builds of frontends")
    .command("publish")
    .description("put the files of a folder under their digest into the stack's object store; nothing there is changed")
    .argument("<folder>", "what the frontend's own build made")
    .requiredOption("-n, --name <frontend>", "the frontend, as the environment names it")
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", "\n  $ rewind frontend publish dist --name web --stack prod")
    .action(async (from: string, options: Common & { name: string }) => {
      const { publishFrontend } = load.frontend();
      finish(await publishFrontend(where(options), resolve(from), options.name, heeded()), options);
    });
}
