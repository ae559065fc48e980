import { closeSync, openSync, unlinkSync } from "node:fs";
import { appendInTurn } from "../../records/append";
import { chainedLine, writtenVersion } from "../../records/line";

// A process of its own that fights for the turns of a log: <log> <name> <turns> [dies]. Within a turn it makes a file that
// must not be there, so that two turns at once are an error. One that dies does so in its last turn, as by a kill.
const [path = "", name = "", turns = "", dies] = process.argv.slice(2);
const witness = `${path}.turn`;

for (let turn = 1; turn <= Number(turns); turn += 1) {
  const id = `${name}-${turn}`;
  const entry = { version: writtenVersion, id, at: "", stack: "s", by: name, kind: "hold", release: "v1", reason: id } as const;
  appendInTurn(path, ({ previous, closing }, token) => {
    if (dies !== undefined && turn === Number(turns)) process.kill(process.pid, "SIGKILL");
    closeSync(openSync(witness, "wx"));
    unlinkSync(witness);
    return `${closing}${chainedLine(entry, { previous, token })}\n`;
  });
}
