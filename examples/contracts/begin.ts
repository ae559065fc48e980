import { existsSync } from "node:fs";
import { backUp } from "./backup";
import { committed, copyFolder } from "./folders";
import { storeOf, switchTo, type Home } from "./home";
import { soundRecords, writeArchive } from "./migrate";
import { levelFromUnified, type Recovering } from "./recover";
import type { DeploymentRecord } from "./record";
import { Refusal } from "./refusal";

/**
 * Makes a home folder with the committed records: in unified JSON, which is in use, in LevelDB, archived and backed up.
 * @throws Refusal when there are records already
 */
export async function begin(
  home: Home,
  now: () => Date,
): Promise<{ readonly records: readonly DeploymentRecord[]; readonly backup: string }> {
  if (existsSync(home.unified)) {
    throw new Refusal(`${home.folder} has records already`, "node examples/contracts/contracts.js validate");
  }
  copyFolder(committed, home.unified);
  const records = await soundRecords(storeOf(home, "unified-json"), now());
  writeArchive(home, records);
  switchTo(home, "unified-json");
  return { records, backup: await migrateToLevel({ home, now, tell: () => undefined }) };
}

/** LevelDB made of unified JSON, and both backed up as they are afterwards. Returns the id of that backup. */
export async function migrateToLevel(recovering: Recovering): Promise<string> {
  await levelFromUnified(recovering);
  return (await backUp(recovering.home, "conversion", "migration", recovering.now())).id;
}
