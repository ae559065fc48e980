import fs from "node:fs";
import os from "node:os";
import { appendInTurn } from "../../records/append";
import { chainedLine, writtenVersion } from "../../records/line";

// A process of its own that fights for the turns of a log: <log> <name> <turns> [dies|stops]. In its last turn it dies in
// the middle of the line, as by a kill, or stops before it, on a machine that the others cannot ask.
const [path = "", name = "", turns = "", end] = process.argv.slice(2);
const witness = `${path}.turn`;
const { writeFileSync, fsyncSync } = fs;
let isLast = false;

// While an entry is written there is a file that only one can make: two turns at once would be an error.
Object.assign(fs, {
  writeFileSync: (file: number, line: string) => {
    if (isLast && end === "dies") {
      writeFileSync(file, line.slice(0, 100));
      process.kill(process.pid, "SIGKILL");
    }
    fs.closeSync(fs.openSync(witness, "wx"));
    writeFileSync(file, line);
  },
  fsyncSync: (file: number) => {
    fsyncSync(file);
    fs.rmSync(witness, { force: true });
  },
});
if (end === "stops") Object.assign(os, { hostname: () => "elsewhere" });

for (let turn = 1; turn <= Number(turns); turn += 1) {
  isLast = turn === Number(turns);
  const id = `${name}-${turn}`;
  const written = { version: writtenVersion, id, at: new Date().toISOString(), stack: "s", by: name } as const;
  appendInTurn(path, ({ previous, closing }, token) => {
    if (isLast && end === "stops") process.kill(process.pid, "SIGSTOP");
    const line = chainedLine({ ...written, kind: "hold", release: "v1", reason: id }, { previous, token });
    return { closing, bytes: `${line}\n` };
  });
}
