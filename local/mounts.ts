import * as fs from "node:fs";
import * as path from "node:path";
import { run } from "./run";

/** Takes away what an engine that was killed left mounted below a folder, which cannot be deleted before. */
export async function unmountBelow(folder: string): Promise<void> {
  if (!fs.existsSync("/proc/self/mountinfo")) return;
  const mounts = parseMounts(fs.readFileSync("/proc/self/mountinfo", "utf8"));
  for (const mount of mounts.filter((point) => point.startsWith(folder + path.sep)))
    await run("umount", ["--lazy", mount]);
}

/** The mount points of Linux's mountinfo, the last mounted first; blanks and the like stand there in octal. */
export function parseMounts(mountinfo: string): string[] {
  const unescape = (text: string): string =>
    text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return mountinfo
    .trim()
    .split("\n")
    .map((line) => unescape(line.split(" ")[4] ?? ""))
    .reverse();
}
