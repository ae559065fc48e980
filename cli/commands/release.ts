import type { Command } from "commander";
import { count, json, newReleaseId, releaseId, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the engine's SDK. */
const load = {
  archive: () => require("../archive") as typeof import("../archive"),
  releaseAdd: () => require("../release-add") as typeof import("../release-add"),
  releaseTake: () => require("../release-take") as typeof import("../release-take"),
  releaseList: () => require("../release-list") as typeof import("../release-list"),
};

interface AddFlags extends Common {
  readonly from?: string;
  readonly image: string[];
  readonly build: string[];
  readonly rowFile: string[];
  readonly set: string[];
  readonly unset: string[];
  readonly schema?: string;
  readonly description?: string;
  readonly file?: string;
  readonly fromBaseline?: string;
  readonly pin?: boolean;
}

/** The catalogue. */
export function addRelease(rewind: Command, { finish }: Kit): void {
  const release = rewind.command("release").description("the catalogue: add a release, look at it, keep it small");
  const several = (value: string, before: readonly string[]): string[] => [...before, value];
  release
    .command("add")
    .description("a new release from the pinned one and its changes; checked as a whole before anything is written")
    .argument("<id>", "the new release", newReleaseId)
    .option("--from <release>", "make it from this one instead of what is pinned", releaseId)
    .option("--image <path=image>", "services/NAME or functions/NAME and name:tag@sha256:…", several, [])
    .option("--build <path=digest>", "frontend/NAME and the digest of its build", several, [])
    .option("--row-file <path=file>", "config/TABLE and a file with its rows", several, [])
    .option("--set <path=value>", "config.TABLE.KEY.COLUMN, toggles.NAME, functions.NAME.parameters.P", several, [])
    .option("--unset <path>", "what the new release does not have: config.TABLE.KEY, toggles.NAME", several, [])
    .option("--schema <migration>", "the last migration that is applied")
    .option("--description <text>", "for people: what it brings")
    .option("--file <changes.yaml>", "a part of a release, laid over it before the rest; null removes")
    .option("--from-baseline <file>", "with the configuration rows of a baseline, those and no others")
    .option("--pin", "move the pin to it, too; what was pinned apart is not any more")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\n  $ rewind release add v1.2.3 --image services/api=scoring:v1.2.3@sha256:… --set config.scoring_config.results_version.value=v1.2.3",
    )
    .action((id: string, options: AddFlags) => {
      const { addRelease: add } = load.releaseAdd();
      const { from, image, build, rowFile, set, unset, schema, description, file, pin } = options;
      const lists = { images: image, builds: build, rowFiles: rowFile, values: set, removed: unset };
      const whole = { file, baseline: options.fromBaseline, pin: pin === true };
      finish(add(where(options), { id, from, ...lists, schema, description, ...whole }), options);
    });
  release
    .command("list")
    .description("every release, where it stands, and what the deployment log says of it")
    .addOption(stack())
    .addOption(json())
    .action((options: Common) => {
      finish(load.releaseList().listReleases(where(options)), options);
    });
  release
    .command("show")
    .description("one release: its digest, what it pins, when it was applied, verified, held")
    .argument("<id>", "the release", releaseId)
    .addOption(stack())
    .addOption(json())
    .action((id: string, options: Common) => {
      finish(load.releaseList().showRelease(where(options), id), options);
    });
  release
    .command("archive")
    .description("move older releases out of the stack file, to releases/<id>.yaml")
    .option("--keep <count>", "how many of the newest stay", count, 5)
    .addOption(stack())
    .addOption(json())
    .action((options: Common & { keep: number }) => {
      finish(load.archive().archive(where(options), options.keep), options);
    });
  release
    .command("take")
    .description("take the releases of another checkout, as of a pull request; whatever else it changes is refused")
    .argument("<folder>", "the other checkout; nothing in it is run")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nTakes the pin, releases, pins, archive, toggles and letGo, and the files that these releases name. Refused are other\nhosts, registries, stores, secrets, checks and rules, and links. Writes files of this checkout and nothing else.\n\n  $ rewind release take ../proposed --stack prod",
    )
    .action((from: string, options: Common) => {
      finish(load.releaseTake().takeReleases(where(options), from), options);
    });
}
