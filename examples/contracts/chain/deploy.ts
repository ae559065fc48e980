import { getAddress, type Address, type Hex, type PublicClient } from "viem";
import type { ContractName, Network } from "../fleet";
import type { DeploymentRecord } from "../record";
import { artifactOf } from "./artifacts";
import { initializerOf, proxyOf, type Deployed } from "./calls";
import { chainOf, deployerOf, type Urls } from "./client";
import { readDeployment } from "./read";

/**
 * Deploys what a network lacks, each contract as an implementation and the proxy before it.
 * @param known the records that there are already
 * @param told called with each new record, as the chain tells it, before the next contract
 */
export async function deploy(
  network: Network,
  urls: Urls,
  known: ReadonlyMap<string, DeploymentRecord>,
  told: (record: DeploymentRecord) => Promise<void>,
): Promise<void> {
  const chain = await chainOf(network, urls);
  const deployed = new Map([...known].map(([contract, { address }]) => [contract, address]));
  const { name, chainId } = network;
  for (const contract of network.contracts) {
    if (deployed.has(contract)) continue;
    const address = await deployOne(network, urls, chain, contract, deployed);
    deployed.set(contract, address);
    await told(await readDeployment(chain, { network: name, chainId, contract, address }));
  }
}

async function deployOne(
  network: Network,
  urls: Urls,
  chain: PublicClient,
  contract: ContractName,
  deployed: Deployed,
): Promise<Address> {
  const deployer = deployerOf(network, urls);
  const send = async (data: Hex): Promise<Address> => {
    const hash = await deployer.sendTransaction({ data });
    const { contractAddress, status } = await chain.waitForTransactionReceipt({ hash, pollingInterval: 50 });
    if (!contractAddress || status !== "success") throw new Error(`${contract}: ${hash} made no contract`);
    return getAddress(contractAddress);
  };
  const { creation } = artifactOf(contract);
  const implementation = await send(creation);
  return send(proxyOf(implementation, initializerOf(contract, deployer.account.address, deployed)));
}
