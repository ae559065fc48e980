import { writeFileSync } from "node:fs";
import { once } from "node:events";
import { artifactsFile, textOf } from "../chain/artifacts";
import { urlsIn, variableOf } from "../chain/client";
import { compile } from "../chain/compile";
import { deploy } from "../chain/deploy";
import { startNodes } from "../chain/nodes";
import { networks } from "../fleet";
import { readAll, storeOf, writeAll } from "../home";
import { networksNamed } from "../recover";
import { DeploymentRecord } from "../record";
import { done } from "../result";
import { refuseWhileStopped } from "../stop";
import { backend, chosen, network, type AddVerbs } from "./kit";
import type { Backend } from "../home";

/** Verbs that need chains. */
export const addChain: AddVerbs = (program, kit) => {
  program
    .command("compile")
    .description("compile the sources into artifacts.json; needs npm ci --prefix examples/contracts")
    .action(() => {
      const compiled = compile();
      writeFileSync(artifactsFile, textOf(compiled));
      kit.finish(done(`${Object.keys(compiled).length} contracts in ${artifactsFile}`));
    });
  program
    .command("chains")
    .description("five local chains until Ctrl-C, and the variables that say where they are; needs npm ci, too")
    .option("--empty", "without the contracts on them")
    .action(async ({ empty }: { readonly empty?: boolean }) => {
      const nodes = await startNodes();
      for (const each of empty === true ? [] : networks)
        await deploy(each, nodes.urls, new Map(), () => Promise.resolve());
      kit.finish(done(...Object.entries(nodes.urls).map(([name, url]) => `export ${variableOf(name)}=${url}`)));
      await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
      await nodes.close();
    });
  program
    .command("deploy")
    .description("deploy what the records lack, and record it as the chain tells it")
    .addOption(network())
    .addOption(backend())
    .action(async (options: { readonly network: string; readonly backend?: Backend }) => {
      refuseWhileStopped(kit.home());
      const store = storeOf(kit.home(), chosen(kit, options));
      const read = await readAll(store);
      let count = 0;
      for (const each of networksNamed(options.network)) {
        const records = read.get(each.name);
        if (records instanceof Error) throw records;
        const known = new Map([...(records ?? [])].map(([name, record]) => [name, DeploymentRecord.parse(record)]));
        await deploy(each, urlsIn(kit.env), known, async (record) => {
          await writeAll(store, [record]);
          kit.tell(`${record.network} ${record.contract}: ${record.address}`);
          count += 1;
        });
      }
      kit.finish(done(`${count} contracts deployed`));
    });
};
