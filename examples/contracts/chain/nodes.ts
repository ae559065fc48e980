import { createRequire } from "node:module";
import { networks } from "../fleet";

interface Provider {
  request(call: { method: string; params?: unknown[] }): Promise<unknown>;
}

/** What is used of Hardhat, whose version is pinned: its network, and the JSON-RPC server before it. */
interface Hardhat {
  createHardhatNetworkProvider(config: object, logger: { enabled: boolean }): Promise<Provider>;
  JsonRpcServer: new (config: object) => { listen(): Promise<{ port: number }>; close(): Promise<void> };
  defaultHardhatNetworkParams: { readonly hardfork: string; readonly blockGasLimit: number; readonly accounts: object };
  normalizeHardhatNetworkAccountsConfig(accounts: object): unknown;
}

/** The local chains, by network: addresses of their JSON-RPC servers, and their end. */
export interface Nodes {
  readonly urls: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const genesis = Date.parse("2025-08-13T11:00:00Z");
const secondsPerBlock = 12;

/**
 * Starts one Hardhat chain for each network, on ports of their own. Their blocks are twelve seconds apart, whatever the
 * time is, and their accounts are Hardhat's: the same transactions make the same chain, hash by hash.
 */
export async function startNodes(): Promise<Nodes> {
  const hardhat = loadHardhat();
  const started = await Promise.all(
    networks.map(async ({ name, chainId }) => {
      const chain = await chainOf(hardhat, chainId);
      const server = new hardhat.JsonRpcServer({ hostname: "127.0.0.1", port: 0, provider: chain });
      const { port } = await server.listen();
      return { name, server, url: `http://127.0.0.1:${port}` };
    }),
  );
  return {
    urls: Object.fromEntries(started.map(({ name, url }) => [name, url])),
    close: async () => {
      await Promise.all(started.map(({ server }) => server.close()));
    },
  };
}

async function chainOf(hardhat: Hardhat, chainId: number): Promise<Provider> {
  const { hardfork, blockGasLimit, accounts } = hardhat.defaultHardhatNetworkParams;
  const chain = await hardhat.createHardhatNetworkProvider(
    {
      ...{ chainId, networkId: chainId, hardfork, blockGasLimit, chains: new Map(), minGasPrice: 0n },
      ...{ throwOnTransactionFailures: true, throwOnCallFailures: true, allowUnlimitedContractSize: false },
      ...{ automine: true, intervalMining: 0, mempoolOrder: "priority", allowBlocksWithSameTimestamp: false },
      ...{ enableTransientStorage: false, enableRip7212: false, initialDate: new Date(genesis) },
      genesisAccounts: hardhat.normalizeHardhatNetworkAccountsConfig({ ...accounts, count: networks.length }),
    },
    { enabled: false },
  );
  return withFixedClock(chain);
}

/** A chain on which every transaction's block is a fixed time after the one before. */
function withFixedClock(chain: Provider): Provider {
  let turn: Promise<unknown> = Promise.resolve();
  let next = genesis / 1_000;
  const send = async (call: { method: string; params?: unknown[] }): Promise<unknown> => {
    next += secondsPerBlock;
    await chain.request({ method: "evm_setNextBlockTimestamp", params: [next] });
    return chain.request(call);
  };
  return Object.assign(Object.create(chain) as Provider, {
    request: (call: { method: string; params?: unknown[] }) => {
      if (call.method !== "eth_sendRawTransaction") return chain.request(call);
      const sent = turn.then(() => send(call));
      turn = sent.catch(() => undefined);
      return sent;
    },
  });
}

function loadHardhat(): Hardhat {
  // It asks nobody anything, and sends nothing.
  process.env.HARDHAT_DISABLE_TELEMETRY_PROMPT = "true";
  const load = createRequire(__filename);
  return Object.assign(
    {},
    load("hardhat/internal/hardhat-network/provider/provider"),
    load("hardhat/internal/hardhat-network/jsonrpc/server"),
    load("hardhat/internal/core/config/default-config"),
    load("hardhat/internal/core/providers/util"),
  ) as Hardhat;
}
