import { Option } from "commander";
import { isReadable } from "../../../recovery/backups/read";
import { backupsInOrder, problemsOfBackup } from "../backup";
import { readAll, type Backend } from "../home";
import { aspectsOf, inspect, lineOf, tryCrud } from "../inspect";
import { done, ofChecks } from "../result";
import { aspects, countOf, type Aspect } from "../validate";
import { backend, chosen, chosenStore, type AddVerbs } from "./kit";

interface ValidateFlags {
  readonly quick?: boolean;
  readonly only?: Aspect;
  readonly backend?: Backend;
}

/** Verbs that look, and change nothing. */
export const addLook: AddVerbs = (program, kit) => {
  program
    .command("validate")
    .description("every record: fields, checksums, counts, hashes, arguments, timestamps, consistency of the networks")
    .option("--quick", "what can be seen at once: readable, complete, well-formed")
    .addOption(new Option("--only <aspect>", "one aspect").choices([...aspects]))
    .addOption(backend())
    .action(async (options: ValidateFlags) => {
      const { checks, findings } = await inspect(chosenStore(kit, options), aspectsOf(options), kit.now());
      kit.finish(ofChecks(`Records in ${chosen(kit, options)}`, checks, findings.map(lineOf)));
    });
  program
    .command("count")
    .description("how many contracts there are, on how many networks")
    .addOption(backend())
    .action(async (options: ValidateFlags) => {
      const { contracts, networks } = countOf(await readAll(chosenStore(kit, options)));
      kit.finish(done(`${contracts} contracts on ${networks} networks`));
    });
  program
    .command("consistency")
    .description("the same code on all networks, no address twice")
    .addOption(backend())
    .action(async (options: ValidateFlags) => {
      const { checks, findings } = await inspect(chosenStore(kit, options), ["cross-network", "hashes"], kit.now());
      kit.finish(ofChecks("Networks", checks, findings.map(lineOf)));
    });
  program
    .command("crud")
    .description("create, read, update and delete a record that is nobody's")
    .addOption(backend())
    .action(async (options: ValidateFlags) => {
      kit.finish(ofChecks(`Operations on ${chosen(kit, options)}`, [await tryCrud(chosenStore(kit, options))]));
    });
  program
    .command("backups")
    .description("the backups in the order in which they would be chosen, each verified")
    .action(async () => {
      const lines: string[] = [];
      for (const each of backupsInOrder(kit.home())) {
        const problems = await problemsOfBackup(each, kit.now());
        const what = isReadable(each) ? `${each.occasion} ${each.manifest?.name ?? ""}` : "";
        lines.push(`${each.id}  ${problems.length === 0 ? "valid" : problems.join("; ")}  ${what}`);
      }
      kit.finish(done(...(lines.length > 0 ? lines : ["there is no backup"])));
    });
};
