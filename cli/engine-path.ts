import { accessSync, constants } from "node:fs";
import { delimiter, join, sep } from "node:path";

/**
 * A PATH on which an installed `pulumi` comes before that of the npm package. `npx` and npm scripts put the latter first;
 * it downloads an engine of its own, while everything else uses the installed one. Nothing else changes its order, `node`
 * for one.
 */
export function preferInstalledEngine(path: string): string {
  const folders = path.split(delimiter);
  const engines = folders.filter(hasEngine);
  const ofPackage = engines.filter((folder) => folder.split(sep).includes("node_modules"));
  if (ofPackage.length === engines.length) return path;
  return [...folders.filter((folder) => !ofPackage.includes(folder)), ...ofPackage].join(delimiter);
}

function hasEngine(folder: string): boolean {
  return ["pulumi", "pulumi.exe"].some((name) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return folder !== "";
    } catch {
      return false;
    }
  });
}
