import { Option, type Command } from "commander";
import { folder, json, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the engine's SDK. */
const load = {
  demo: () => require("../demo") as typeof import("../demo"),
  local: () => require("../local") as typeof import("../local"),
};

/** The embedded environment, and the demonstration on it. */
export function addLocal(rewind: Command, { finish, heeded, tell }: Kit): void {
  const local = rewind.command("local").description("the embedded environment: real components on this machine only");
  const given = () => ({ folder, tell, signal: heeded() });
  local
    .command("up")
    .description("bring everything up, build the images, write the stack file")
    .addOption(new Option("-s, --stack <name>", "the stack to write a file for").default("local"))
    .addOption(json())
    .action(async (options: Common) => {
      finish(await load.local().localUp({ ...given(), stack: options.stack ?? "local" }), options);
    });
  local
    .command("down")
    .description("stop what up started")
    .option("--purge", "delete what it kept, too: databases, objects, images, state")
    .addOption(json())
    .action(async (options: Common & { purge?: boolean }) => {
      finish(await load.local().localDown(given(), options.purge === true), options);
    });
  local
    .command("status")
    .description("each part, whether it answers, and where it came from")
    .addOption(json())
    .action(async (options: Common) => {
      finish(await load.local().localStatus(given()), options);
    });
  local
    .command("env")
    .description('the variables that plain pulumi needs: eval "$(rewind local env)"')
    .addOption(new Option("--shell <shell>", "for which shell").choices(["posix", "powershell"]).default("posix"))
    .addOption(json())
    .addHelpText(
      "after",
      '\n  $ eval "$(npx --no rewind local env)"\n  PS> npx --no rewind local env --shell powershell | Out-String | Invoke-Expression',
    )
    .action((options: Common & { shell: "posix" | "powershell" }) => {
      finish(load.local().localEnv(folder, options.shell), options);
    });

  rewind
    .command("demo")
    .description("deploy v1.2.1, show the rollback's diff, roll back to v1.2.0, verify")
    .action(async () => {
      finish(await load.demo().demo(given()), {});
    });
}
