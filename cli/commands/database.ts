import type { Command } from "commander";
import { json, portNumber, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the engine's SDK. */
const load = {
  database: () => require("../database") as typeof import("../database"),
};

/** The database server's own backups. */
export function addDatabase(rewind: Command, { finish, heeded, tell }: Kit): void {
  const database = rewind
    .command("database")
    .description("the database server's own backups, and its way back in time");
  database
    .command("backup")
    .description("take a base backup of the running server and verify every file of it")
    .addOption(stack())
    .addOption(json())
    .action(async (options: Common) => {
      finish(await load.database().databaseBackup(where(options), { tell, signal: heeded() }), options);
    });
  database
    .command("recover")
    .description("a copy of the server as it was just before an entry of the deployment log, beside the running one")
    .requiredOption("-b, --before <entry>", "the entry's id")
    .requiredOption("-i, --into <folder>", "the folder of the copy, new or empty")
    .option("-p, --port <port>", "where the copy answers, on 127.0.0.1", portNumber, 5433)
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", "\n  $ rewind database recover --before 20261121T074446Z-1ea1e940 --into /srv/recovered")
    .action(async (options: Common & { before: string; into: string; port: number }) => {
      const { before, into, port } = options;
      const wanted = { before, into, port, tell, signal: heeded() };
      finish(await load.database().databaseRecover(where(options), wanted), options);
    });
}
