import { readFileSync, realpathSync, statSync } from "node:fs";
import { resolve, sep } from "node:path";
import { lfsPointer, notFetched } from "../release/text";

/** Bytes of a text that is written by hand; what may hold generated data says a limit of its own. */
const largest = 1024 * 1024;

/**
 * The text of a file below a project's folder, UTF-8 and nothing else.
 * @throws Error in one line for people: no file, a link that leads out, too large, not UTF-8
 */
export function readProjectText(project: string, path: string, most = largest): string {
  const root = realpathSync(project);
  let real: string;
  try {
    real = realpathSync(resolve(root, path));
  } catch {
    throw new Error(`no file ${path}`);
  }
  if (!real.startsWith(root + sep)) throw new Error(`${path} leads out of the project`);
  const stat = statSync(real);
  if (!stat.isFile()) throw new Error(`${path} is no file`);
  if (stat.size > most) throw new Error(`${path} has ${stat.size} bytes; at most ${most}`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(real));
  } catch {
    throw new Error(`${path} is not UTF-8`);
  }
  if (text.startsWith(lfsPointer)) throw new Error(notFetched(path));
  return text;
}
