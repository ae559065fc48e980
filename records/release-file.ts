import { parse } from "yaml";
import { projectFiles } from "./project-file";

const largest = 8 * 1024 * 1024;

/**
 * Reads release files below a project's folder. Links that lead out of the project are refused like paths that do.
 * @returns a function from a path in the project to the parsed content; it throws with one line for people
 */
export function releaseFiles(project: string): (path: string) => unknown {
  const files = projectFiles(project);
  return (path) => {
    const text = files.read(path, largest).toString("utf8");
    try {
      // An archive of a thousand releases is read by every preview.
      if (path.endsWith(".json")) return JSON.parse(text) as unknown;
      return parse(text, { maxAliasCount: 100, logLevel: "error" }) as unknown;
    } catch (error) {
      throw new Error(`${path}: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : "unreadable"}`);
    }
  };
}
