import type { Hex } from "viem";
import type { z } from "zod";
import { artifactOf } from "./chain/artifacts";
import { initializerOf } from "./chain/calls";
import { expectedContracts, networks, type Network } from "./fleet";
import { DeploymentRecord } from "./record";

/** What is looked at, in this order. */
export const aspects = [
  "readable",
  "schema",
  "checksums",
  "counts",
  "hashes",
  "constructor-args",
  "timestamps",
  "cross-network",
] as const;
export type Aspect = (typeof aspects)[number];

/** What is looked at when every second counts. */
export const quickly: readonly Aspect[] = ["readable", "schema", "checksums", "counts"];

/** Something wrong with the records, and where. */
export interface Finding {
  readonly aspect: Aspect;
  readonly network: string;
  readonly contract?: string;
  readonly message: string;
}

/** The records of each network as they were read: by contract, or why they could not be. */
export type Read = ReadonlyMap<string, ReadonlyMap<string, unknown> | Error>;

/** The records that are sound by themselves, by network and contract. */
type Sound = ReadonlyMap<Network, ReadonlyMap<string, DeploymentRecord>>;

/** Everything that is wrong with the records of all networks; none when they are valid. */
export function validate(read: Read, now: Date): Finding[] {
  const findings: Finding[] = [];
  const sound = new Map(networks.map((network) => [network, soundOf(network, read.get(network.name), findings)]));
  findings.push(...unknownNetworks(read));
  for (const [network, records] of sound) {
    const all = read.get(network.name);
    if (!(all instanceof Error)) findings.push(...miscounted(network, all ?? new Map()));
    for (const record of records.values()) {
      findings.push(...wrongHash(record), ...wrongArguments(record, records));
    }
    findings.push(...wrongTimes(network, records, now));
  }
  findings.push(...inconsistent(sound));
  return findings.sort((a, b) => aspects.indexOf(a.aspect) - aspects.indexOf(b.aspect));
}

/** How many contracts there are on how many networks. */
export function countOf(read: Read): { readonly contracts: number; readonly networks: number } {
  const sizes = [...read.values()].map((records) => (records instanceof Error ? 0 : records.size));
  return { contracts: sizes.reduce((a, b) => a + b, 0), networks: sizes.filter((size) => size > 0).length };
}

function soundOf(
  { name, chainId }: Network,
  records: ReadonlyMap<string, unknown> | Error | undefined,
  findings: Finding[],
): Map<string, DeploymentRecord> {
  if (records instanceof Error) {
    findings.push({ aspect: "readable", network: name, message: records.message });
    return new Map();
  }
  const sound = new Map<string, DeploymentRecord>();
  for (const [contract, value] of records ?? []) {
    const at = { network: name, contract };
    const parsed = DeploymentRecord.safeParse(value, { reportInput: true });
    if (!parsed.success) findings.push(...parsed.error.issues.map((issue) => ({ ...at, ...issueOf(issue) })));
    else if (!isUnder(parsed.data, name, chainId, contract)) {
      const { network, contract: its, chainId: chain } = parsed.data;
      findings.push({ ...at, aspect: "schema", message: `it is the record of ${its} on ${network}, chain ${chain}` });
    } else sound.set(contract, parsed.data);
  }
  return sound;
}

const isUnder = (record: DeploymentRecord, network: string, chainId: number, contract: string): boolean =>
  record.network === network && record.chainId === chainId && record.contract === contract;

function issueOf(issue: z.core.$ZodIssue): Pick<Finding, "aspect" | "message"> {
  const field = issue.path.join(".");
  // The one rule that is no pattern is the checksum.
  if (issue.code === "custom") return { aspect: "checksums", message: `${field}: ${issue.message}` };
  if (issue.code === "invalid_type" && issue.input === undefined) {
    return { aspect: "schema", message: `${field} is missing` };
  }
  return { aspect: "schema", message: `${field}${field && ": "}${issue.message}` };
}

function unknownNetworks(read: Read): Finding[] {
  const known = new Set(networks.map(({ name }) => name));
  return [...read.keys()]
    .filter((name) => !known.has(name))
    .map((network) => ({ aspect: "counts" as const, network, message: "no such network" }));
}

function miscounted({ name, contracts }: Network, records: ReadonlyMap<string, unknown>): Finding[] {
  const known = new Set<string>(contracts);
  const missing = contracts.filter((contract) => !records.has(contract));
  const unknown = [...records.keys()].filter((contract) => !known.has(contract));
  const at = { aspect: "counts" as const, network: name };
  const of = `${records.size} of ${contracts.length} contracts (${expectedContracts} on all networks)`;
  return [
    ...missing.map((contract) => ({ ...at, contract, message: `missing: ${of}` })),
    ...unknown.map((contract) => ({ ...at, contract, message: `not a contract of this network: ${of}` })),
  ];
}

function wrongHash({ network, contract, implementationHash }: DeploymentRecord): Finding[] {
  const { codeHash } = artifactOf(contract);
  if (implementationHash === codeHash) return [];
  const message = `implementation hash ${short(implementationHash)}, and the code of ${contract} has ${short(codeHash)}`;
  return [{ aspect: "hashes", network, contract, message }];
}

function wrongArguments(record: DeploymentRecord, records: ReadonlyMap<string, DeploymentRecord>): Finding[] {
  const { network, contract } = record;
  const wrong = (message: string): Finding[] => [{ aspect: "constructor-args", network, contract, message }];
  const [, initializer] = record.constructorArguments;
  const addresses = new Map([...records].map(([name, { address }]) => [name, address]));
  let expected: Hex;
  try {
    expected = initializerOf(contract, ownerIn(initializer), addresses);
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
  return initializer === expected ? [] : wrong(`it was not initialized as a ${contract} of ${network} is`);
}

/** The first argument behind the four bytes that name the function. */
const ownerIn = (initializer: string): Hex => `0x${initializer.slice(34, 74).padEnd(40, "0")}`;

function wrongTimes(network: Network, records: ReadonlyMap<string, DeploymentRecord>, now: Date): Finding[] {
  const findings: Finding[] = [];
  const sorted = [...records.values()].sort((a, b) => a.block - b.block);
  for (const [index, { contract, block, deployedAt }] of sorted.entries()) {
    const at = { aspect: "timestamps" as const, network: network.name, contract };
    const before = sorted[index - 1];
    if (Date.parse(deployedAt) > now.getTime())
      findings.push({ ...at, message: `deployed at ${deployedAt}, in future` });
    if (before !== undefined && before.block < block && before.deployedAt >= deployedAt) {
      const message = `block ${block} at ${deployedAt}, and block ${before.block} (${before.contract}) at ${before.deployedAt}`;
      findings.push({ ...at, message });
    }
  }
  return findings;
}

/** Every network runs the same code, and no address is two contracts. */
function inconsistent(sound: Sound): Finding[] {
  const findings: Finding[] = [];
  const all = [...sound.values()].flatMap((records) => [...records.values()]);
  for (const [contract, records] of grouped(all, ({ contract }) => contract)) {
    const usual = mostOf(records.map(({ implementationHash }) => implementationHash));
    for (const { network, implementationHash } of records) {
      if (implementationHash === usual) continue;
      const message = `implementation hash ${short(implementationHash)}, and ${short(usual)} on other networks`;
      findings.push({ aspect: "cross-network", network, contract, message });
    }
  }
  for (const [network, records] of sound) {
    for (const same of grouped(records.values(), ({ address }) => address).values()) {
      const [first, ...others] = same;
      for (const { contract, address } of others) {
        const message = `${address} is ${first?.contract ?? ""}, too`;
        findings.push({ aspect: "cross-network", network: network.name, contract, message });
      }
    }
  }
  return findings;
}

function grouped<T>(values: Iterable<T>, keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return groups;
}

function mostOf(values: readonly string[]): string {
  const counted = new Map<string, number>();
  for (const value of values) counted.set(value, (counted.get(value) ?? 0) + 1);
  return [...counted].sort(([, a], [, b]) => b - a)[0]?.[0] ?? "";
}

const short = (hash: string): string => `${hash.slice(0, 14)}…`;
