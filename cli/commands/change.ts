import type { Command } from "commander";
import { Refusal } from "../result";
import { json, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the engine's SDK. */
const load = {
  rotate: () => require("../rotate") as typeof import("../rotate"),
  toggle: () => require("../toggle") as typeof import("../toggle"),
};

interface ToggleFlags extends Common {
  readonly release?: boolean;
  readonly reason?: string;
  readonly apply: boolean;
}

/** Verbs that change one thing without a release: toggles, keys. */
export function addChanges(rewind: Command, { finish, heeded, tell }: Kit): void {
  rewind
    .command("toggle")
    .description("list the toggles, lay one over the release, or give it back; applied and verified at once")
    .argument("[name]", "the toggle")
    .argument("[value]", "true, false or a text")
    .option("--release", "back to what the release says")
    .option("-r, --reason <text>", "why; it stands in the deployment log")
    .option("--no-apply", "only write the stack file and the log")
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", '\n  $ rewind toggle AUTOPILOT_WORKER_DISABLED true --reason "runaway jobs"')
    .action(async (name: string | undefined, value: string | undefined, options: ToggleFlags) => {
      const { listToggles, setToggle } = load.toggle();
      if (name === undefined) {
        finish(await listToggles(where(options)), options);
        return;
      }
      const { reason, apply, release } = options;
      if ((value === undefined) !== (release === true)) {
        throw new Refusal("expected a value, or --release", `rewind toggle ${name} true --reason "…"`);
      }
      if (reason === undefined) throw new Refusal("expected a reason", `the same command with --reason "…"`);
      const wanted = { toggle: name, value, reason, apply, tell, signal: heeded() };
      finish(await setToggle(where(options), wanted), options);
    });

  rewind
    .command("rotate")
    .description("give an identity of the object store a new key, verify, and see the old one refused")
    .argument("<identity>", "the identity, as the environment names it")
    .requiredOption("-r, --reason <text>", "why; it stands in the deployment log")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      '\nBoth keys work until the new one is verified; interrupted, the same command goes on.\n\n  $ rewind rotate application --reason "leaked"',
    )
    .action(async (identity: string, options: Common & { reason: string }) => {
      const { rotate } = load.rotate();
      const wanted = { identity, reason: options.reason, tell, signal: heeded() };
      finish(await rotate(where(options), wanted), options);
    });
}
