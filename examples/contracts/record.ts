import { getAddress, isAddress } from "viem/utils";
import { z } from "zod";
import { quote } from "../../release/primitives";

/** An address whose letters carry its checksum (EIP-55), so that a mistyped one is seen. */
export const Address = z
  .string({ error: "expected an address" })
  .regex(/^0x[0-9a-fA-F]{40}$/, { error: ({ input }) => `expected an address, got ${quote(input)}` })
  .refine((text): text is `0x${string}` => !isAddress(text, { strict: false }) || getAddress(text) === text, {
    error: ({ input }) => `the address ${quote(input)} has a wrong checksum`,
  });

const Hash = z.string({ error: "expected 0x and 64 hexadecimal digits" }).regex(/^0x[0-9a-f]{64}$/, {
  error: ({ input }) => `expected 0x and 64 hexadecimal digits, got ${quote(input)}`,
});

const Bytes = z.string({ error: "expected bytes" }).regex(/^0x(?:[0-9a-f]{2})*$/, {
  error: ({ input }) => `expected bytes such as 0x00ff, got ${quote(input)}`,
});

/** A whole second, as a block has it. */
const BlockTime = z.string({ error: "expected a time" }).regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.000Z$/, {
  error: ({ input }) => `expected the time of a block such as 2025-08-13T11:26:18.000Z, got ${quote(input)}`,
});

/** How one contract was deployed on one network: all of it can be read from the chain again but the address. */
export const DeploymentRecord = z.strictObject({
  network: z.string(),
  chainId: z.int().positive(),
  contract: z.string(),
  /** The proxy's, which users know. */
  address: Address,
  implementation: Address,
  /** The Keccak-256 of the implementation's code. */
  implementationHash: Hash,
  /** The proxy's arguments as they stand behind its code: the implementation, and the call that initializes it. */
  constructorArguments: z.tuple([Address, Bytes], { error: "expected the implementation and the initializing call" }),
  /** The transaction that made the proxy, and its block. */
  transaction: Hash,
  block: z.int().nonnegative(),
  deployedAt: BlockTime,
});
export type DeploymentRecord = z.infer<typeof DeploymentRecord>;
