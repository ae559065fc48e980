import { openLogAt } from "../../records/open-log";
import type { Place } from "../../records/stores";

// A process of its own: <place as JSON> <name> <entries> appends as fast as it may; with <name> <how> it appends one entry
// while it ends like that.
const [place = "", name = "", how = ""] = process.argv.slice(2);
const log = openLogAt(JSON.parse(place) as Place, "staging", String);
const append = (reason: string) => log.append({ kind: "hold", release: "v1", reason });

const ways: Readonly<Record<string, () => void>> = {
  end: () => undefined,
  exit: () => process.exit(3),
  throw: () => {
    process.stderr.write = () => true;
    throw new Error("on purpose");
  },
  signal: () => {
    process.once("SIGTERM", () => process.exit(1));
    setInterval(() => undefined, 1_000);
    process.kill(process.pid, "SIGTERM");
  },
};

const end = ways[how];
if (end === undefined) {
  for (let at = 0; at < Number(how); at += 1) append(`${name}-${at}`);
} else {
  process.once("exit", () => {
    append(name);
  });
  end();
}
