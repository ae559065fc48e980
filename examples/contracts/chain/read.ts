import { decodeAbiParameters, getAddress, keccak256, type Address, type Hex, type PublicClient } from "viem";
import type { DeploymentRecord } from "../record";
import { artifactOf } from "./artifacts";

/** keccak256("eip1967.proxy.implementation") - 1 */
const implementationSlot = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";

/** The transaction that made a contract. */
interface Creation {
  readonly transaction: Hex;
  readonly input: Hex;
  readonly block: number;
  readonly deployedAt: string;
}

/**
 * All that a chain knows of a deployed contract: nothing but its address is believed.
 * @throws when there is none at the address, or it is no proxy of this example
 */
export async function readDeployment(
  chain: PublicClient,
  { network, chainId, contract, address }: Pick<DeploymentRecord, "network" | "chainId" | "contract" | "address">,
): Promise<DeploymentRecord> {
  const { input, ...creation } = await creationOf(chain, address);
  const { implementation, implementationHash } = await readImplementation(chain, address);
  const constructorArguments = argumentsIn(input);
  return {
    ...{ network, chainId, contract, address, implementation, implementationHash, constructorArguments },
    ...creation,
  };
}

/** The implementation that a proxy calls now, and the hash of its code. */
export async function readImplementation(
  chain: PublicClient,
  address: Address,
): Promise<Pick<DeploymentRecord, "implementation" | "implementationHash">> {
  const slot = await chain.getStorageAt({ address, slot: implementationSlot });
  const implementation = getAddress(`0x${(slot ?? "0x").slice(-40).padStart(40, "0")}`);
  const code = await chain.getCode({ address: implementation });
  if (code === undefined) throw new Error(`${address} is no proxy: no code at ${implementation}`);
  return { implementation, implementationHash: keccak256(code) };
}

/** The arguments behind the proxy's own code. */
export function argumentsIn(input: Hex): DeploymentRecord["constructorArguments"] {
  const { creation } = artifactOf("Proxy");
  if (!input.startsWith(creation)) throw new Error("it was made from another proxy's code");
  const [implementation, initializer] = decodeAbiParameters(
    [{ type: "address" }, { type: "bytes" }],
    `0x${input.slice(creation.length)}`,
  );
  return [implementation, initializer];
}

/** Looks for the block in which a contract came to be, halving what is left, so that a long chain is asked a few times. */
async function creationOf(chain: PublicClient, address: Address): Promise<Creation> {
  const isThere = async (blockNumber: bigint) => (await chain.getCode({ address, blockNumber })) !== undefined;
  let [before, at] = [-1n, await chain.getBlockNumber({ cacheTime: 0 })];
  if (!(await isThere(at))) throw new Error(`no contract at ${address}`);
  while (at - before > 1n) {
    const middle = (before + at) / 2n;
    if (await isThere(middle)) at = middle;
    else before = middle;
  }
  const block = await chain.getBlock({ blockNumber: at, includeTransactions: true });
  for (const { hash, input } of block.transactions) {
    const { contractAddress } = await chain.getTransactionReceipt({ hash });
    if (!contractAddress || getAddress(contractAddress) !== address) continue;
    const deployedAt = new Date(Number(block.timestamp) * 1_000).toISOString();
    return { transaction: hash, input, block: Number(at), deployedAt };
  }
  throw new Error(`${address} was made by another contract, not by a transaction of block ${at}`);
}
