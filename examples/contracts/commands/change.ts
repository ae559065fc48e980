import { Argument } from "commander";
import { lineOfAvailability } from "../availability";
import { begin, migrateToLevel } from "../begin";
import { urlsIn } from "../chain/client";
import { backendOf, storeOf, switchTo, type Backend } from "../home";
import { remember } from "../known";
import { soundRecords } from "../migrate";
import {
  fromChain,
  levelFromArchive,
  levelFromBackup,
  levelFromGit,
  recoverable,
  unifiedFromBackup,
  unifiedFromLevel,
  type Recoverable,
} from "../recover";
import { Refusal } from "../refusal";
import { done, ofChecks, type VerbResult } from "../result";
import { rollbackToLevel } from "../rollback";
import { liftStop, raiseStop, refuseWhileStopped, stopOf } from "../stop";
import { backend, chosen, network, type AddVerbs, type Kit } from "./kit";

/** Verbs that change records, or what keeps them. */
export const addChange: AddVerbs = (program, kit) => {
  program
    .command("init")
    .description("a home folder with the committed records: in unified JSON, in LevelDB, archived, backed up")
    .action(async () => {
      const { records, backup } = await begin(kit.home(), kit.now);
      await finish(kit, done(`${records.length} records in ${kit.home().folder}`, `Backup ${backup}`));
    });
  program
    .command("rollback-to-leveldb")
    .description("back from unified JSON to LevelDB: stop, backup, restore, switch, validate")
    .option("--force", "do not ask")
    .option("--no-backup", "do not back up what is there")
    .action(async ({ force, backup }: { readonly force?: boolean; readonly backup: boolean }) => {
      await finish(kit, await rollBack(kit, { force: force === true, noBackup: !backup }));
    });
  addMigrate(program, kit);
  addRecover(program, kit);
  program
    .command("stop")
    .description("let nothing change records but a rollback and recoveries; keeps the present state as evidence")
    .argument("<reason>")
    .action((reason: string) => {
      const { incident } = raiseStop(kit.home(), reason, kit.now(), undefined);
      kit.finish(done(`Incident ${incident}: the emergency stop stands`));
    });
  program
    .command("start")
    .description("lift the emergency stop")
    .action(() => {
      const stop = stopOf(kit.home());
      if (stop !== undefined) liftStop(kit.home());
      kit.finish(done(stop === undefined ? "No emergency stop stands" : `The stop of ${stop.incident} is lifted`));
    });
};

/** Remembers the files as they are now, so that a change by anybody else is seen. */
async function finish(kit: Kit, result: VerbResult): Promise<void> {
  await remember(kit.home());
  kit.finish(result);
}

async function rollBack(kit: Kit, { force, noBackup }: { readonly force: boolean; readonly noBackup: boolean }) {
  const { home, env, now, tell, confirmed } = kit;
  if (env.STATE_BACKEND === "unified-json") {
    throw new Refusal(
      "STATE_BACKEND=unified-json would keep unified JSON in use",
      "unset STATE_BACKEND, and the same command",
    );
  }
  const question = `Go back from ${backendOf(home(), env)} to the LevelDB of a backup?`;
  if (!force && !(await confirmed(question, "rollback", "--force"))) {
    throw new Refusal("not confirmed; nothing was touched", "the same command with --force");
  }
  const done = await rollbackToLevel(home(), { noBackup, now, tell });
  const { incident, from, before, carried, left, checks, availability, milliseconds } = done;
  return ofChecks(`Rollback ${incident} to LevelDB from backup ${from}, ${milliseconds} ms`, checks, [
    `Available: ${lineOfAvailability(availability)}`,
    before === undefined ? "No backup was asked for" : `What was there is backup ${before}`,
    ...carried.map((record) => `Taken along from unified JSON: ${record}`),
    ...left.map((record) => `Not taken from unified JSON: ${record}`),
  ]);
}

const addMigrate: AddVerbs = (program, kit) => {
  const migrate = program.command("migrate").description("records from one backend into the other, proved equal");
  migrate.command("json-to-leveldb").action(async () => {
    refuseWhileStopped(kit.home());
    const id = await migrateToLevel({ ...kit, home: kit.home() });
    await finish(kit, done("LevelDB holds what unified JSON holds", `Backup ${id}`));
  });
  migrate.command("leveldb-to-unified").action(async () => {
    refuseWhileStopped(kit.home());
    await unifiedFromLevel({ ...kit, home: kit.home() });
    await finish(kit, done("Unified JSON holds what LevelDB holds"));
  });
  migrate
    .command("use")
    .description("put a backend in use")
    .addArgument(new Argument("<backend>").choices(["unified-json", "leveldb"]))
    .action(async (backend: Backend) => {
      refuseWhileStopped(kit.home());
      await soundRecords(storeOf(kit.home(), backend), kit.now());
      switchTo(kit.home(), backend);
      await finish(kit, done(`${backend} is in use`));
    });
};

const addRecover: AddVerbs = (program, kit) => {
  const recover = program.command("recover").description("records that were lost, from where they are still whole");
  const recovering = () => ({ ...kit, home: kit.home() });
  recover
    .command("backup")
    .description("LevelDB, or unified JSON, from a backup")
    .argument("[id]", "the backup (default: the best)")
    .addOption(backend())
    .action(async (id: string | undefined, options: { readonly backend?: Backend }) => {
      const isLevel = chosen(kit, options) === "leveldb";
      const from = await (isLevel ? levelFromBackup : unifiedFromBackup)(recovering(), id);
      await finish(kit, done(`${isLevel ? "LevelDB" : "Unified JSON"} is what it was in backup ${from}`));
    });
  recover
    .command("git")
    .description("LevelDB as it was in a commit; nothing else of the working tree is touched")
    .argument("<commit>")
    .action(async (commit: string) => {
      await levelFromGit(recovering(), commit);
      await finish(kit, done(`LevelDB is what it was in ${commit}`));
    });
  recover
    .command("archive")
    .description("LevelDB made anew from the archive of JSON files")
    .action(async () => {
      await levelFromArchive(recovering());
      await finish(kit, done("LevelDB is made of the archive"));
    });
  recover
    .command("leveldb")
    .description("unified JSON made anew from LevelDB")
    .action(async () => {
      await unifiedFromLevel(recovering());
      await finish(kit, done("Unified JSON is made of LevelDB"));
    });
  for (const what of Object.keys(recoverable) as Recoverable[]) {
    recover
      .command(what)
      .description("from the chains themselves, over JSON-RPC")
      .addOption(network())
      .addOption(backend())
      .action(async (options: { readonly network: string; readonly backend?: Backend }) => {
        const at = { network: options.network, backend: chosen(kit, options), urls: urlsIn(kit.env) };
        const mended = await fromChain(recovering(), what, at);
        await finish(kit, done(`${mended.length} records mended`, ...mended));
      });
  }
};
