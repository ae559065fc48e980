import { Argument, type Command } from "commander";
import { completion, completionsFor, shells, type CompletedShell } from "../completion";
import { exitCodes } from "../exit-codes";
import { folder, releaseId, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the parser of stack files. */
const load = {
  names: () => require("../names") as typeof import("../names"),
};

/** What a shell asks while somebody types. */
export function addCompletion(rewind: Command, { finish }: Kit): void {
  rewind
    .command("completion")
    .description("a script that completes verbs, flags, releases and stacks in a shell")
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .addHelpText(
      "after",
      `
  $ eval "$(rewind completion bash)"               # in ~/.bashrc
  $ eval "$(rewind completion zsh)"                # in ~/.zshrc, after compinit
  $ rewind completion fish | source                # in ~/.config/fish/config.fish
  PS> rewind completion powershell | Out-String | Invoke-Expression    # in $PROFILE`,
    )
    .action((shell: CompletedShell) => {
      finish(completion(shell), {});
    });
  rewind
    .command("complete", { hidden: true })
    .argument("[words...]")
    .option("--next", "a new word begins after these")
    .action((words: readonly string[], { next }: { next?: boolean }) => {
      const typed = next === true ? [...words, ""] : words;
      const found = completionsFor(rewind, typed, load.names().namesIn(folder), (parser) => parser === releaseId);
      finish({ code: exitCodes.ok, text: found.join("\n"), json: found }, {});
    });
}
