import { readdirSync } from "node:fs";

/** The stacks that have a file in the project. */
export function stackNames(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => /^Pulumi\.([A-Za-z0-9_.-]+)\.yaml$/.exec(name)?.[1] ?? []);
}
