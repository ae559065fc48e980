import { parseYaml } from "../project/yaml";
import { limits } from "../release/limits";
import { projectFiles } from "./project-file";

/**
 * Reads release files below a project's folder. Links that lead out of the project are refused like paths that do.
 * @returns a function from a path in the project to the parsed content; it throws with one line for people
 */
export function releaseFiles(project: string): (path: string) => unknown {
  const files = projectFiles(project);
  return (path) => {
    const text = files.read(path, limits.fileBytes).toString("utf8");
    if (!path.endsWith(".json")) return parseYaml(text, path);
    try {
      // An archive of a thousand releases is read by every preview.
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw new Error(`${path}: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : "unreadable"}`);
    }
  };
}
