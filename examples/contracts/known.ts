import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../../records/atomic-file";
import { digestOf } from "../../release/canonical";
import { filesBelow } from "./folders";
import { probeName, readAll, storeOf, type Home } from "./home";

/** Digests by what they are of: a file of unified JSON or of the archive, or what LevelDB holds. */
type Digests = Readonly<Record<string, string>>;

/** The form of LevelDB's files changes whenever somebody opens it; what it holds does not. */
const levelContents = "what leveldb holds";

const fileOf = (home: Home): string => home.at("known-files.json");

/** Remembers the files as they are: somebody who may has just changed them. */
export async function remember(home: Home): Promise<void> {
  writeAtomically(fileOf(home), `${JSON.stringify(await digestsOf(home), null, 2)}\n`);
}

/** What is not as it was last remembered, each in a line; undefined when nothing was remembered yet. */
export async function changedSince(home: Home): Promise<string[] | undefined> {
  if (!existsSync(fileOf(home))) return undefined;
  const known = JSON.parse(readFileSync(fileOf(home), "utf8")) as Digests;
  const found = await digestsOf(home);
  const names = [...new Set([...Object.keys(known), ...Object.keys(found)])].sort();
  return names
    .filter((name) => known[name] !== found[name])
    .map((name) => {
      if (known[name] === undefined) return `${name} is new`;
      return found[name] === undefined ? `${name} is gone` : `${name} is not what it was`;
    });
}

async function digestsOf(home: Home): Promise<Digests> {
  const files = filesBelow(home.at("deployments")).filter((path) => !path.includes(`/${probeName}.unified.json`));
  const digests = files.map((path) => {
    const hash = createHash("sha256").update(readFileSync(join(home.at("deployments"), path)));
    return [`deployments/${path}`, `sha256:${hash.digest("hex")}`] as const;
  });
  return { ...Object.fromEntries(digests), [levelContents]: await levelDigest(home) };
}

async function levelDigest(home: Home): Promise<string> {
  const read = await readAll(storeOf(home, "leveldb"));
  return digestOf(
    [...read].map(([network, records]) => [network, records instanceof Error ? records.message : [...records]]),
  );
}
