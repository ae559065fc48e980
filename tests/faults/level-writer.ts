import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { trades, type Trade } from "./trades";

// A process of its own that writes to a store in LevelDB, and notes what it begins, what was acknowledged and what failed:
// <trade> <folder> <number>...
const [trade = "", folder = "", ...numbers] = process.argv.slice(2);
const notes = openSync(join(folder, "said"), "a");

async function ply(chosen: Trade): Promise<void> {
  await chosen.prepare?.(folder);
  for (const number of numbers) {
    writeSync(notes, `begun ${number}\n`);
    try {
      await chosen.write(folder, Number(number));
      writeSync(notes, `written ${number}\n`);
    } catch (error) {
      writeSync(notes, `failed ${String(error).split("\n", 1).join()}\n`);
    }
  }
}

void ply(trades[trade as keyof typeof trades]);
