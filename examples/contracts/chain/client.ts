import { createPublicClient, createWalletClient, defineChain, http, type PublicClient } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { networks, type Network } from "../fleet";
import { Refusal } from "../refusal";

/** Where the chains answer, by network. */
export type Urls = Readonly<Record<string, string>>;

/** Hardhat's own, which everybody knows: for local chains only. */
const knownMnemonic = "test test test test test test test test test test test junk";

/** The variable that says where a network's chain answers: `RPC_URL_BSC_TESTNET`. */
export const variableOf = (network: string): string => `RPC_URL_${network.toUpperCase().replaceAll("-", "_")}`;

/** Where the chains answer, as the environment says. */
export function urlsIn(env: NodeJS.ProcessEnv): Urls {
  return Object.fromEntries(
    networks.flatMap(({ name }) => {
      const url = env[variableOf(name)];
      return url ? [[name, url] as const] : [];
    }),
  );
}

/**
 * A client of a network's chain.
 * @throws Refusal when nobody said where it is, it does not answer, or it is another chain
 */
export async function chainOf(network: Network, urls: Urls): Promise<PublicClient> {
  const client = createPublicClient({ transport: http(urlOf(network, urls), { retryCount: 1, timeout: 10_000 }) });
  const chainId = await client.getChainId().catch(() => undefined);
  const next = `${variableOf(network.name)}=<the address of its JSON-RPC server>, and the same command`;
  if (chainId === undefined) throw new Refusal(`the chain of ${network.name} does not answer`, next);
  if (chainId !== network.chainId) {
    throw new Refusal(`${network.name} is chain ${network.chainId}, and chain ${chainId} answers`, next);
  }
  return client;
}

/** Whoever deploys on a network, an account of its own on each: signs here, and sends to the chain. */
export function deployerOf(network: Network, urls: Urls) {
  const mnemonic = process.env.DEPLOYER_MNEMONIC ?? knownMnemonic;
  const account = mnemonicToAccount(mnemonic, { addressIndex: networks.indexOf(network) });
  const url = urlOf(network, urls);
  const nativeCurrency = { name: "Ether", symbol: "ETH", decimals: 18 };
  const chain = defineChain({
    id: network.chainId,
    name: network.name,
    nativeCurrency,
    rpcUrls: { default: { http: [url] } },
  });
  return createWalletClient({ account, chain, transport: http(url) });
}

function urlOf({ name }: Network, urls: Urls): string {
  const url = urls[name];
  if (url !== undefined) return url;
  throw new Refusal(
    `nobody said where the chain of ${name} is`,
    `${variableOf(name)}=<the address of its JSON-RPC server>, or node examples/contracts/contracts.js chains`,
  );
}
