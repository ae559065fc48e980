import { readFileSync } from "node:fs";
import type { ConfigRowsInputs, ConfigRowsState } from "../stacks/config-rows";
import { update } from "../stacks/config-rows.provider";

/** Does the update that standard input describes, and prints the most memory that this process had, in KiB. */
async function main(): Promise<void> {
  const { state, news } = JSON.parse(readFileSync(0, "utf8")) as { state: ConfigRowsState; news: ConfigRowsInputs };
  await update(state, news);
  process.stdout.write(String(process.resourceUsage().maxRSS));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
