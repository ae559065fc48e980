import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { Store } from "../../../records/store";
import { artifactsFile, textOf } from "../chain/artifacts";
import { urlsIn, variableOf, type Urls } from "../chain/client";
import { compile } from "../chain/compile";
import { deploy } from "../chain/deploy";
import { startNodes } from "../chain/nodes";
import { callsOf, crossChainChecks, operations, perform, validateOnly, type Operation } from "../chain/operate";
import { networks, type Network } from "../fleet";
import { readAll, storeOf, writeAll, type Backend } from "../home";
import { remember } from "../known";
import { DeploymentRecord } from "../record";
import { networksNamed } from "../recover";
import { done, ofChecks, type VerbResult } from "../result";
import { refuseWhileStopped } from "../stop";
import type { Read } from "../validate";
import { backend, chosen, chosenStore, network, type AddVerbs, type Kit } from "./kit";

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
  for (const operation of operations) {
    program
      .command(operation)
      .description(descriptions[operation])
      .addOption(network())
      .addOption(backend())
      .option("--validate-only", "say whether it would succeed; change nothing")
      .action(async (options: OperationFlags) => {
        kit.finish(await operate(kit, operation, options));
      });
  }
  program
    .command("cross-chain")
    .description("whether the bridges of networks know each other, as their chains tell")
    .requiredOption("--networks <names>", "networks, with commas between them")
    .addOption(backend())
    .action(async (options: { readonly networks: string; readonly backend?: Backend }) => {
      const among = options.networks.split(",").flatMap((name) => networksNamed(name));
      const read = await readAll(storeOf(kit.home(), chosen(kit, options)));
      kit.finish(ofChecks("Between networks", await crossChainChecks(among, read, urlsIn(kit.env))));
    });
};

interface OperationFlags {
  readonly network: string;
  readonly backend?: Backend;
  readonly validateOnly?: boolean;
}

const descriptions: Readonly<Record<Operation, string>> = {
  deploy: "deploy what the records lack, and record it as the chain tells it",
  setup: "let each network's bridge make its coins",
  configure: "tell each bridge where the others are",
};

async function operate(kit: Kit, operation: Operation, options: OperationFlags): Promise<VerbResult> {
  const store = chosenStore(kit, options);
  const [among, urls, read] = [networksNamed(options.network), urlsIn(kit.env), await readAll(store)];
  if (options.validateOnly === true) {
    const checks = await Promise.all(among.map((each) => validateOnly(operation, each, read, urls)));
    return ofChecks(`${operation}, validated only`, checks);
  }
  refuseWhileStopped(kit.home());
  let count = 0;
  for (const each of among) {
    count += operation === "deploy" ? await deployTo(kit, store, each, read) : await call(operation, each, read, urls);
  }
  await remember(kit.home());
  return done(operation === "deploy" ? `${count} contracts deployed` : `${count} calls made`);
}

async function call(operation: "setup" | "configure", network: Network, read: Read, urls: Urls): Promise<number> {
  const calls = callsOf(operation, network, read);
  await perform(network, urls, calls);
  return calls.length;
}

/** Each contract is on record before the next is deployed. */
async function deployTo(kit: Kit, store: Store, network: Network, read: Read): Promise<number> {
  const records = read.get(network.name);
  if (records instanceof Error) throw records;
  const known = new Map([...(records ?? [])].map(([name, record]) => [name, DeploymentRecord.parse(record)]));
  let count = 0;
  await deploy(network, urlsIn(kit.env), known, async (record) => {
    await writeAll(store, [record]);
    kit.tell(`${record.network} ${record.contract}: ${record.address}`);
    count += 1;
  });
  return count;
}
