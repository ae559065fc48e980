import { type Address, type PublicClient } from "viem";
import { encodeFunctionData } from "viem/utils";
import type { Check } from "../../../release/verdict";
import { networks, type Network } from "../fleet";
import { DeploymentRecord } from "../record";
import type { Read } from "../validate";
import { artifactOf } from "./artifacts";
import { initializerOf, proxyOf } from "./calls";
import { chainOf, deployerOf, type Urls } from "./client";
import { readImplementation } from "./read";

/** The operations after which a network is ready. */
export const operations = ["deploy", "setup", "configure"] as const;
export type Operation = (typeof operations)[number];

/** A call of a deployed contract. */
export interface Call {
  readonly contract: string;
  readonly address: Address;
  readonly functionName: string;
  readonly args: readonly unknown[];
}

/**
 * The calls of `setup`, which lets the bridge make coins, and of `configure`, which tells a bridge all the others.
 * @throws when a record that they need is missing or invalid
 */
export function callsOf(operation: Exclude<Operation, "deploy">, network: Network, read: Read): Call[] {
  const at = (name: string, contract: string): Address => addressOf(read, name, contract);
  if (operation === "setup") {
    const args = [at(network.name, "Bridge")];
    return [{ contract: "Token", address: at(network.name, "Token"), functionName: "setBridge", args }];
  }
  const address = at(network.name, "Bridge");
  return networks
    .filter((other) => other !== network)
    .map((other) => ({
      ...{ contract: "Bridge", address, functionName: "setPeer" },
      args: [BigInt(other.chainId), at(other.name, "Bridge")],
    }));
}

function addressOf(read: Read, network: string, contract: string): Address {
  const records = read.get(network);
  if (records instanceof Error) throw records;
  const record = DeploymentRecord.safeParse(records?.get(contract));
  if (!record.success) throw new Error(`${network} has no valid record of ${contract}`);
  return record.data.address;
}

/** Makes the calls of an operation on a network's chain, each when the one before has succeeded. */
export async function perform(network: Network, urls: Urls, calls: readonly Call[]): Promise<void> {
  const [chain, deployer] = [await chainOf(network, urls), deployerOf(network, urls)];
  for (const { contract, address, functionName, args } of calls) {
    const data = encodeFunctionData({ abi: artifactOf(contract).abi, functionName, args });
    const hash = await deployer.sendTransaction({ to: address, data });
    const { status } = await chain.waitForTransactionReceipt({ hash, pollingInterval: 50 });
    if (status !== "success") throw new Error(`${network.name}: ${contract}.${functionName} was reverted`);
  }
}

/**
 * Whether an operation would succeed, without doing it: its calls are made of the records, and where the network's chain is
 * known they are simulated on it.
 */
export async function validateOnly(operation: Operation, network: Network, read: Read, urls: Urls): Promise<Check> {
  const began = performance.now();
  const check = (result: Check["result"], evidence: string): Check => {
    const milliseconds = Math.round(performance.now() - began);
    return { name: `${operation} ${network.name}`, result, evidence, milliseconds, attempts: 1 };
  };
  try {
    const chain = urls[network.name] === undefined ? undefined : await chainOf(network, urls);
    const account = deployerOf(network, { [network.name]: "http://127.0.0.1", ...urls }).account.address;
    const evidence =
      operation === "deploy"
        ? await tryDeployment(network, read, chain, account)
        : await tryCalls(callsOf(operation, network, read), chain, account);
    return check("passed", chain === undefined ? `${evidence}; its chain was not asked` : evidence);
  } catch (error) {
    return check("failed", (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "");
  }
}

async function tryDeployment(
  network: Network,
  read: Read,
  chain: PublicClient | undefined,
  account: Address,
): Promise<string> {
  const deployed = new Map(network.contracts.map((contract) => [contract, addressOf(read, network.name, contract)]));
  for (const [contract, address] of deployed) {
    const initializer = initializerOf(contract, account, deployed);
    if (chain === undefined) continue;
    const { implementation, implementationHash } = await readImplementation(chain, address);
    if (implementationHash !== artifactOf(contract).codeHash) throw new Error(`${contract}: other code on the chain`);
    await chain.estimateGas({ account, data: proxyOf(implementation, initializer) });
  }
  return `${deployed.size} contracts${chain === undefined ? " can be encoded" : ": code as recorded, deployable again"}`;
}

async function tryCalls(calls: readonly Call[], chain: PublicClient | undefined, account: Address): Promise<string> {
  for (const { contract, address, functionName, args } of calls) {
    const data = encodeFunctionData({ abi: artifactOf(contract).abi, functionName, args });
    if (chain !== undefined) await chain.call({ account, to: address, data });
  }
  return `${calls.length} calls ${chain === undefined ? "can be encoded" : "succeed"}`;
}

/** Whether the bridges of some networks know each other, as their chains tell. */
export async function crossChainChecks(among: readonly Network[], read: Read, urls: Urls): Promise<Check[]> {
  const checks: Check[] = [];
  for (const network of among) {
    const chain = await chainOf(network, urls);
    const address = addressOf(read, network.name, "Bridge");
    for (const other of among.filter((each) => each !== network)) {
      const began = performance.now();
      const { abi } = artifactOf("Bridge");
      const args = [BigInt(other.chainId)];
      const peer = await chain.readContract({ address, abi, functionName: "peers", args });
      const expected = addressOf(read, other.name, "Bridge");
      checks.push({
        name: `bridge ${network.name} → ${other.name}`,
        result: peer === expected ? "passed" : "failed",
        evidence: peer === expected ? expected : `it knows ${String(peer)}, and the record says ${expected}`,
        milliseconds: Math.round(performance.now() - began),
        attempts: 1,
      });
    }
  }
  return checks;
}
