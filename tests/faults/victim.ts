import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { trades, type Trade } from "./trades";

// A process of its own that writes until it is killed, and notes what it begins and what was acknowledged: <trade> <folder>.
const [trade = "", folder = ""] = process.argv.slice(2);
const notes = openSync(join(folder, "said"), "a");

async function ply(chosen: Trade): Promise<void> {
  for (let number = 1; ; number += 1) {
    writeSync(notes, `begun ${number}\n`);
    await chosen.write(folder, number);
    writeSync(notes, `written ${number}\n`);
  }
}

void ply(trades[trade as keyof typeof trades]);
