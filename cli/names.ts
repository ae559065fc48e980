import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ownName, projectIn, stackFileOf, stackNames } from "../project/project";
import { readStackYaml } from "../project/stack-yaml";
import type { Names } from "./completion";

/**
 * The names of a project's stacks and releases, for completion: read from the stack files as they stand, without the
 * schema, for whoever types does not wait for it. What cannot be read has no names.
 */
export function namesIn(folder: string): Names {
  const stacks = (): readonly string[] => attempt(() => stackNames(projectIn(folder)));
  return {
    stacks,
    releases: (stack) => [...new Set((stack === undefined ? stacks() : [stack]).flatMap((each) => of(folder, each)))],
  };
}

function of(folder: string, stack: string): readonly string[] {
  return attempt(() => {
    const project = projectIn(folder);
    const name = ownName(stack, project);
    if (name === undefined || !stackNames(project).includes(name)) return [];
    const { raw } = readStackYaml(readFileSync(stackFileOf(project, name), "utf8"), project);
    const { releases, archive: { file: archive } = {} } = raw as Filed;
    return [...Object.keys(releases ?? {}), ...(archive === undefined ? [] : archived(folder, archive))];
  });
}

/** What is read of a stack file, where it is one. */
interface Filed {
  readonly releases?: object;
  readonly archive?: { readonly file: string };
}

const archived = (folder: string, file: string): readonly string[] =>
  attempt(() => Object.keys(JSON.parse(readFileSync(join(folder, file), "utf8")) as object));

function attempt(read: () => readonly string[]): readonly string[] {
  try {
    return read();
  } catch {
    return [];
  }
}
