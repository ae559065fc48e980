import * as pulumi from "@pulumi/pulumi";
import { allConfig } from "@pulumi/pulumi/runtime";
import { releaseFiles } from "../records/release-file";
import { engineBytes, sizeWarning } from "../release/size";
import { InvalidConfiguration, loadConfig, type Loaded } from "../release/config";

/**
 * Everything under `rewind:` in the stack's configuration; the only place that reads it.
 * @throws pulumi.RunError with every problem and its path in the stack file: the engine prints it without a stack trace
 */
export function loadSettings(): Loaded {
  try {
    return loadConfig(pulumi.getStack(), allConfig(), releaseFiles(process.cwd()));
  } catch (error) {
    if (error instanceof InvalidConfiguration) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/** Says so when the configuration comes near what the engine can hand over: past it the program does not even start. */
export function warnOfSize(): void {
  const warning = sizeWarning(engineBytes(allConfig()));
  if (warning !== undefined) void pulumi.log.warn(warning);
}
