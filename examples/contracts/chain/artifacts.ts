import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Artifact, Artifacts } from "./compile";

export const artifactsFile = join(__dirname, "..", "artifacts.json");
let read: Artifacts | undefined;

/** What `contracts.js compile` made of the sources: kept, so that nobody needs the compiler to read a chain. */
export function artifacts(): Artifacts {
  return (read ??= JSON.parse(readFileSync(artifactsFile, "utf8")) as Artifacts);
}

/** @throws when there is no such contract */
export function artifactOf(contract: string): Artifact {
  const artifact = artifacts()[contract];
  if (artifact === undefined) throw new Error(`there is no contract ${contract}`);
  return artifact;
}

/** The text of artifacts.json. */
export const textOf = (compiled: Artifacts): string => `${JSON.stringify(compiled, null, 1)}\n`;
