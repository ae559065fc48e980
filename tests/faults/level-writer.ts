import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { trades } from "./trades";

// A process of its own that writes some times to a store in LevelDB, and notes what it begins, what was acknowledged and
// what failed: <folder> <times>.
const [folder = "", times = ""] = process.argv.slice(2);
const notes = openSync(join(folder, "said"), "a");

async function write(): Promise<void> {
  for (let number = 1; number <= Number(times); number += 1) {
    writeSync(notes, `begun ${number}\n`);
    try {
      await trades["a store in LevelDB written to"].write(folder, number);
      writeSync(notes, `written ${number}\n`);
    } catch (error) {
      writeSync(notes, `failed ${String(error).split("\n")[0] ?? ""}\n`);
    }
  }
}

void write();
