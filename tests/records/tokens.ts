import { readFileSync } from "node:fs";
import { linkOf } from "../../records/line";

/** The tokens of a log's writers, in the order of their entries. */
export const tokensIn = (path: string): number[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line) => linkOf(Buffer.from(line))?.token ?? []);
