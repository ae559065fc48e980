import type { Address, Hex } from "viem";
import { encodeDeployData, encodeFunctionData } from "viem/utils";
import { artifactOf } from "./artifacts";

/** The addresses of the contracts that are there already. */
export type Deployed = ReadonlyMap<string, Address>;

/** What each contract is initialized with, after its owner; a name stands for the address of another contract. */
const initialArguments: Readonly<Record<string, readonly (string | bigint | { readonly of: string })[]>> = {
  Token: ["Rewind Coin", "RWD"],
  Bridge: [{ of: "Token" }],
  Router: [{ of: "Bridge" }],
  Oracle: [1_000n],
  FeeManager: [30n],
  Treasury: [{ of: "Token" }],
};

/**
 * The call that initializes a contract for its owner.
 * @throws when it needs another contract that is not there
 */
export function initializerOf(contract: string, owner: Address, deployed: Deployed): Hex {
  const args = (initialArguments[contract] ?? []).map((argument) => {
    if (typeof argument !== "object") return argument;
    const address = deployed.get(argument.of);
    if (address === undefined) throw new Error(`${contract} needs ${argument.of}, which is not there`);
    return address;
  });
  return encodeFunctionData({ abi: artifactOf(contract).abi, functionName: "initialize", args: [owner, ...args] });
}

/** The code that makes a proxy of an implementation. */
export function proxyOf(implementation: Address, initializer: Hex): Hex {
  const { abi, creation } = artifactOf("Proxy");
  return encodeDeployData({ abi, bytecode: creation, args: [implementation, initializer] });
}
