import { readFileSync, realpathSync, statSync } from "node:fs";
import { resolve, sep } from "node:path";
import { parse } from "yaml";

const largest = 8 * 1024 * 1024;

/**
 * Reads release files below a project's folder. Links that lead out of the project are refused like paths that do.
 * @returns a function from a path in the project to the parsed content; it throws with one line for people
 */
export function releaseFiles(project: string): (path: string) => unknown {
  return (path) => {
    const root = realpathSync(project);
    let real: string;
    try {
      real = realpathSync(resolve(root, path));
    } catch {
      throw new Error(`no file ${path}`);
    }
    if (!real.startsWith(root + sep)) throw new Error(`${path} leads out of the project`);
    // A pipe would be waited for, and a large file would be in memory before it could be measured.
    const stat = statSync(real);
    if (!stat.isFile()) throw new Error(`${path} is no file`);
    if (stat.size > largest) throw new Error(`${path} has more than ${largest} bytes`);
    try {
      const text = readFileSync(real, "utf8");
      // An archive of a thousand releases is read by every preview.
      if (path.endsWith(".json")) return JSON.parse(text) as unknown;
      return parse(text, { maxAliasCount: 100, logLevel: "error" }) as unknown;
    } catch (error) {
      throw new Error(`${path}: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : "unreadable"}`);
    }
  };
}
