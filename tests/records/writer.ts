import { openFileLog } from "../../records/log";

// A process of its own that appends to a log as fast as it may: <file> <name> <entries>.
const [path = "", name = "", count = ""] = process.argv.slice(2);
const log = openFileLog(path, "staging", String);
for (let at = 0; at < Number(count); at += 1) log.append({ kind: "hold", release: "v1", reason: `${name}-${at}` });
