import type { Store } from "../../records/store";
import type { Check } from "../../release/verdict";
import { expectedContracts, networks } from "./fleet";
import { probeName, readAll } from "./home";
import { aspects, countOf, quickly, validate, type Aspect, type Finding, type Read } from "./validate";

const names: Readonly<Record<Aspect, string>> = {
  readable: "files and database readable",
  schema: "every field of every record",
  checksums: "checksums of addresses",
  counts: "contracts and networks",
  hashes: "implementation hashes",
  "constructor-args": "constructor arguments",
  timestamps: "timestamps",
  "cross-network": "consistency of the networks",
};

/** What was found of a store, and how each aspect fared. */
export interface Inspection {
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
  readonly read: Read;
}

/** Reads all of a store and looks at it. */
export async function inspect(store: Store, looked: readonly Aspect[], now: Date): Promise<Inspection> {
  const began = performance.now();
  const read = await readAll(store);
  const findings = validate(read, now).filter(({ aspect }) => looked.includes(aspect));
  const milliseconds = Math.round(performance.now() - began);
  const checks = looked.map((aspect) => checkOf(aspect, findings, read, milliseconds));
  return { checks, findings, read };
}

/** What is looked at by `--quick`, `--only` and without either. */
export function aspectsOf({ quick, only }: { readonly quick?: boolean; readonly only?: Aspect }): readonly Aspect[] {
  if (only !== undefined) return [only];
  return quick === true ? quickly : aspects;
}

function checkOf(aspect: Aspect, findings: readonly Finding[], read: Read, milliseconds: number): Check {
  const found = findings.filter((finding) => finding.aspect === aspect);
  const { contracts, networks: on } = countOf(read);
  const all = `${contracts} of ${expectedContracts} contracts on ${on} of ${networks.length} networks`;
  const evidence = found.length === 0 ? all : found.slice(0, 3).map(lineOf).join("; ");
  const result = found.length > 0 ? "failed" : contracts === 0 ? "inconclusive" : "passed";
  return { name: names[aspect], result, evidence, milliseconds, attempts: 1 };
}

/** A finding in the one shape that messages have. */
export const lineOf = ({ network, contract, message }: Finding): string =>
  `${network}${contract === undefined ? "" : ` ${contract}`}: ${message}`;

/** Creates, reads, updates and deletes a record that is nobody's. */
export async function tryCrud(store: Store): Promise<Check> {
  const began = performance.now();
  const probe = store.collection(probeName);
  const key = "crud";
  const steps: string[] = [];
  const expect = async (step: string, expected: number | undefined): Promise<void> => {
    const found = await probe.get(key);
    if (found !== expected) throw new Error(`${step}: read ${JSON.stringify(found)}`);
    steps.push(step);
  };
  let [result, evidence]: [Check["result"], string] = ["passed", ""];
  try {
    await probe.write(new Map([[key, 1]]));
    await expect("created and read", 1);
    await probe.write(new Map([[key, 2]]));
    await expect("updated", 2);
    await probe.write(new Map([[key, undefined]]));
    await expect("deleted", undefined);
    evidence = steps.join(", ");
  } catch (error) {
    [result, evidence] = ["failed", error instanceof Error ? error.message : String(error)];
  }
  const milliseconds = Math.round(performance.now() - began);
  return { name: "create, read, update, delete", result, evidence, milliseconds, attempts: 1 };
}
