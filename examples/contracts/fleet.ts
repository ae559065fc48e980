/** A network on which the contracts are deployed. */
export interface Network {
  readonly name: string;
  readonly chainId: number;
  /** The contracts on it, in the order in which they are deployed: later ones know the addresses of earlier ones. */
  readonly contracts: readonly ContractName[];
}

const everywhere = ["Token", "Bridge", "Router", "Oracle", "FeeManager"] as const;
export type ContractName = (typeof everywhere)[number] | "Treasury";

/** The five networks. Fees are collected on the first, which has one contract more: 26 in all. */
export const networks: readonly Network[] = [
  { name: "bsc-mainnet", chainId: 56, contracts: [...everywhere, "Treasury"] },
  { name: "bsc-testnet", chainId: 97, contracts: everywhere },
  { name: "base-sepolia", chainId: 84_532, contracts: everywhere },
  { name: "op-sepolia", chainId: 11_155_420, contracts: everywhere },
  { name: "sapphire-testnet", chainId: 23_295, contracts: everywhere },
];

/** How many contracts there should be on all networks together. */
export const expectedContracts = networks.reduce((sum, { contracts }) => sum + contracts.length, 0);

/** The network of a name; undefined for one that is not ours. */
export const networkNamed = (name: string): Network | undefined => networks.find((network) => network.name === name);
