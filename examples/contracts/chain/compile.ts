import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Abi, Hex } from "viem";
import { keccak256 } from "viem/utils";

/** What comes of a contract's source. */
export interface Artifact {
  readonly abi: Abi;
  /** The code that makes a contract, before its arguments. */
  readonly creation: Hex;
  /** The Keccak-256 of the code that a contract then has. */
  readonly codeHash: Hex;
}
export type Artifacts = Readonly<Record<string, Artifact>>;

/** What the compiler prints of a contract. */
interface Compiled {
  readonly abi: Abi;
  readonly evm: {
    readonly bytecode: { readonly object: string };
    readonly deployedBytecode: { readonly object: string };
  };
}

interface Output {
  readonly errors?: readonly { readonly formattedMessage: string }[];
  readonly contracts?: Readonly<Record<string, Readonly<Record<string, Compiled>>>>;
}

/**
 * Compiles the example's sources with the compiler that its package.json pins; nothing is fetched.
 * @throws when there is anything that the compiler would say, warnings included
 */
export function compile(folder = join(__dirname, "..", "sources")): Artifacts {
  const files = readdirSync(folder).filter((file) => file.endsWith(".sol"));
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(files.map((file) => [file, { content: readFileSync(join(folder, file), "utf8") }])),
    settings: {
      optimizer: { enabled: true, runs: 200 },
      // Without its metadata the same source gives the same code, wherever it is compiled.
      metadata: { appendCBOR: false, bytecodeHash: "none" },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
    },
  };
  // Resolved at run time: the compiler is installed for this example alone, and only where it is needed.
  const solc = createRequire(__filename)("solc") as { compile(input: string): string };
  const { errors = [], contracts = {} } = JSON.parse(solc.compile(JSON.stringify(input))) as Output;
  if (errors.length > 0) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join("\n"));
  const artifacts = Object.entries(contracts).flatMap(([file, inFile]): [string, Artifact][] => {
    const name = basename(file, ".sol");
    const compiled = inFile[name];
    return compiled === undefined || compiled.evm.bytecode.object === "" ? [] : [[name, artifactOf(compiled)]];
  });
  return Object.fromEntries(artifacts.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function artifactOf({ abi, evm }: Compiled): Artifact {
  return {
    abi,
    creation: `0x${evm.bytecode.object}`,
    codeHash: keccak256(`0x${evm.deployedBytecode.object}`),
  };
}
