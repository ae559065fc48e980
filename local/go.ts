import * as fs from "node:fs";
import * as path from "node:path";
import { fromCache } from "./cache";
import type { Context } from "./part";
import { run } from "./run";
import type { Offer, PartName } from "./source";

export interface GoProgram {
  readonly part: PartName;
  /** The folder's name in the cache: program and version. */
  readonly cached: string;
  /** The folder of the checkout with go.mod and go.sum; go.sum is what every downloaded module is checked against. */
  readonly module: string;
  readonly package: string;
  /** The program's file name. */
  readonly program: string;
  /** The variable that holds the program's version, and the version. */
  readonly version: `${string}=${string}`;
  /** Roughly how long a first build takes, for the line that asks for patience. */
  readonly takes: string;
}

/** Where a program that was built before lies, if it was. */
export function builtBefore(context: Pick<Context, "cache">, program: GoProgram): string | undefined {
  const file = path.join(context.cache, program.cached, "bin", program.program);
  return fs.existsSync(file) ? file : undefined;
}

/** Builds a program with Go from pinned and checked modules, once per user and version; returns its path. */
export async function builtWithGo(context: Context, program: GoProgram): Promise<Offer<string>> {
  const before = builtBefore(context, program);
  if (before !== undefined) return { found: before };
  const go = context.machine.find("go");
  if (go === undefined)
    return { lacks: "Go 1.26 or newer (https://go.dev/dl), which could build it, is not installed" };
  const folder = await fromCache(
    context.cache,
    program.cached,
    async (temporary) => {
      context.note(program.part, `building ${program.program} with Go, once; it takes about ${program.takes}`);
      const output = path.join(temporary, "bin", program.program);
      // Only what pins the result may decide it, so none of the user's own build settings.
      const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" };
      const flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", `-s -w -X ${program.version}`];
      const cwd = path.join(context.checkout, program.module);
      await run(go, ["build", ...flags, "-o", output, program.package], { cwd, env, signal: context.signal });
    },
    {
      signal: context.signal,
      waiting: (pid) => {
        context.note(program.part, `waiting for process ${pid}, which is building ${program.program}`);
      },
    },
  );
  return { found: path.join(folder, "bin", program.program) };
}
