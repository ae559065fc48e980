import type { KeyObject } from "node:crypto";
import { dirname } from "node:path";
import { writeNew } from "../records/atomic-file";
import { BadCheckpoint, readCheckpoint, signCheckpoint, verifyAgainst, type Checkpoint } from "../records/checkpoint";
import { verifyLog, type Finding, type Verified } from "../records/verify";
import { writeOrRefuse } from "./disk";
import { exitCodes, type ExitCode } from "./exit-codes";
import type { LogCheckpointJson, LogVerifyJson } from "./json/history";
import { privateKey, publicKey, readText } from "./key-file";
import { coloured } from "./report";
import { Refusal, type VerbResult } from "./result";
import { readStack } from "./stack-file";
import type { Where } from "./stack";
import { counted } from "../release/text";

const words = { option: "--key <file>, or REWIND_CHECKPOINT_KEY", help: "rewind log checkpoint --help" };

const codes: Readonly<Record<Verified["result"], ExitCode>> = {
  sound: exitCodes.ok,
  unfinished: exitCodes.inconclusive,
  tampered: exitCodes.tampered,
};

/**
 * `rewind log verify`: whether every entry of the deployment log is what was written, in its place; offline.
 * @throws Refusal when the checkpoint is none, or signed with another key; NewerLog
 */
export function verify(
  where: Where,
  { checkpoint: file, key }: { readonly checkpoint?: string; readonly key?: string },
): VerbResult<LogVerifyJson> {
  const { name: stack, log } = readStack(where);
  const checkpoint = file === undefined ? undefined : checkpointIn(file, stack, publicKey(key, words));
  const found = verifyAgainst(log.bytes(), log.location, checkpoint);
  const json = { stack, location: log.location, ...found, checkpoint: checkpoint?.at ?? null };
  return { code: codes[found.result], text: textOf(json, checkpoint), json };
}

function textOf(
  { location, result, entries, chained, findings, notes }: LogVerifyJson,
  checkpoint?: Checkpoint,
): string {
  const line = ({ line: number, id, flaw, reason }: Finding): string =>
    `line ${number}${id === undefined ? "" : `, ${id}`}: ${flaw}: ${reason}`;
  const older = entries === chained ? "" : `, ${entries - chained} of them without a chain of their own`;
  const next = {
    sound: checkpoint === undefined ? "rewind log checkpoint <file>, which shows that the end was not cut" : undefined,
    unfinished: "any entry closes it; a checkpoint tells whether somebody cut it",
    tampered: "put the log back from a copy, and find out who changed it",
  }[result];
  return [
    ...findings.map((each) => `  ${coloured("red", "✗")} ${line(each)}`),
    ...notes.map((each) => `  ${coloured("yellow", "!")} ${line(each)}`),
    `${location}: ${counted(entries, "entry")}${older}`,
    ...(checkpoint === undefined
      ? []
      : [`Held against the checkpoint of ${checkpoint.at}, ${counted(checkpoint.entries, "entry")}`]),
    coloured(result === "sound" ? "green" : "red", result),
    ...(next === undefined ? [] : [`Next: ${next}`]),
  ].join("\n");
}

/**
 * `rewind log checkpoint`: signs how far a sound log has come, into a new file.
 * @throws Refusal when there is nothing to sign, the log is not sound, or the file cannot be written; NewerLog
 */
export function checkpoint(
  where: Where,
  file: string,
  { key, now }: { readonly key?: string; readonly now: Date },
): VerbResult<LogCheckpointJson> {
  const { name: stack, log } = readStack(where);
  const signer = privateKey(key, words);
  const bytes = log.bytes();
  const { result, lines } = verifyLog(bytes, log.location);
  if (result === "tampered") throw new Refusal("the log is not what was written", "rewind log verify", "tampered");
  const signed = signCheckpoint(bytes, lines, { stack, at: now.toISOString(), key: signer });
  if (signed === undefined) throw new Refusal(`${log.location} has no entry yet`, "pulumi up, which writes the first");
  writeCheckpoint(file, signed);
  const text = `${file}: ${counted(signed.entries, "entry")} up to ${signed.last}, signed with ${signed.key}\nNext: keep it where whoever writes the log cannot write`;
  return { code: exitCodes.ok, text, json: { file, checkpoint: signed } };
}

function writeCheckpoint(file: string, signed: Checkpoint): void {
  try {
    writeOrRefuse(dirname(file), () => {
      writeNew(file, `${JSON.stringify(signed, null, 2)}\n`);
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new Refusal(`${file} is there already`, "the same command with another name");
    if (code === "ENOENT") throw new Refusal(`no folder ${dirname(file)}`, `mkdir -p ${dirname(file)}`);
    throw error;
  }
}

function checkpointIn(file: string, stack: string, key: KeyObject): Checkpoint {
  try {
    return readCheckpoint(readText(file), stack, key);
  } catch (error) {
    if (!(error instanceof BadCheckpoint)) throw error;
    throw new Refusal(`${file}: ${error.message}`, "the checkpoint of this stack, and the key that is trusted");
  }
}
