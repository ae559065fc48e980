import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isReadable } from "../../recovery/backups/read";
import { problemsOf } from "../../recovery/backups/verify";
import { backUp, backupsInOrder, deploymentsOf, readLevel, readLevelOf } from "./backup";
import { chainOf, type Urls } from "./chain/client";
import { readDeployment } from "./chain/read";
import { networkNamed, networks, type Network } from "./fleet";
import { emptyFolder } from "./folders";
import { jsonIn, readAll, storeOf, writeAll, type Backend, type Home } from "./home";
import { lineOf } from "./inspect";
import { makeLevel, makeUnified, readArchive, recordsOf, soundRecords, stagedIn } from "./migrate";
import { Address, type DeploymentRecord } from "./record";
import { Refusal } from "./refusal";
import { validate, type Read } from "./validate";

/** What every recovery needs. */
export interface Recovering {
  readonly home: Home;
  readonly now: () => Date;
  readonly tell: (line: string) => void;
}

/** LevelDB from a backup: the one that is named, else the best. Returns its id. */
export async function levelFromBackup({ home, now, tell }: Recovering, id: string | undefined): Promise<string> {
  for (const { backup, against } of await backupsInOrder(home, now())) {
    if (id !== undefined && backup.id !== id) continue;
    if (against === undefined && isReadable(backup)) {
      await placeLevel({ home, now, tell }, await readLevelOf(backup));
      return backup.id;
    }
    tell(`Passed over backup ${backup.id}: ${against ?? ""}`);
  }
  throw new Refusal(
    id === undefined ? `no backup with a valid LevelDB in ${home.backups}` : `no valid backup ${id} in ${home.backups}`,
    "node examples/contracts/contracts.js backups, or recover git <commit>",
  );
}

/** Unified JSON from the best backup whose unified JSON is valid. Returns its id. */
export async function unifiedFromBackup({ home, now, tell }: Recovering, id: string | undefined): Promise<string> {
  for (const { backup } of await backupsInOrder(home, now())) {
    if ((id !== undefined && backup.id !== id) || !isReadable(backup)) continue;
    const [problem] = problemsOf(backup);
    if (problem !== undefined) {
      tell(`Passed over backup ${backup.id}: ${problem}`);
      continue;
    }
    try {
      const records = await soundRecords(jsonIn(join(deploymentsOf(backup), "unified")), now());
      await keep({ home, now, tell });
      await makeUnified(home, records);
      return backup.id;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      tell(`Passed over backup ${backup.id}: ${error.message}`);
    }
  }
  throw new Refusal(
    `no backup with valid unified JSON in ${home.backups}`,
    "node examples/contracts/contracts.js recover leveldb",
  );
}

/**
 * LevelDB as it was in a commit of the repository that the home folder is in. Nothing else of the working tree, and nothing
 * of the index, is touched: what is not committed stays.
 */
export async function levelFromGit(recovering: Recovering, commit: string): Promise<void> {
  const { home } = recovering;
  const from = join(emptyFolder(stagedIn(home)), "from-git", "leveldb");
  for (const { path, content } of filesIn(home, commit)) {
    mkdirSync(dirname(join(from, path)), { recursive: true });
    writeFileSync(join(from, path), content);
  }
  await placeLevel(recovering, await readLevel(from));
  rmSync(stagedIn(home), { recursive: true });
}

function filesIn(home: Home, commit: string): { path: string; content: Buffer }[] {
  const git = (...args: readonly string[]): Buffer =>
    execFileSync("git", args, { cwd: home.folder, maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "pipe"] });
  let listed: string;
  try {
    // Without this a name that begins with a dash would be an option.
    const id = git("rev-parse", "--verify", "--end-of-options", `${commit}^{commit}`).toString().trim();
    listed = git("ls-tree", "-r", "-z", id, "--", "leveldb").toString();
  } catch (error) {
    const said = (error as { stderr?: Buffer }).stderr?.toString().trim().split("\n")[0] ?? "git cannot be run";
    throw new Refusal(`no commit ${commit}: ${said}`, `git -C ${home.folder} log --oneline -- leveldb`);
  }
  const files = listed.split("\0").flatMap((line) => {
    const [, mode, object, path] = /^(\d+) blob ([0-9a-f]+)\tleveldb\/(.+)$/s.exec(line) ?? [];
    // A link could lead anywhere.
    return object !== undefined && path !== undefined && mode?.startsWith("100") ? [{ object, path }] : [];
  });
  if (files.length === 0) {
    throw new Refusal(`${commit} has no leveldb/`, `git -C ${home.folder} log --oneline -- leveldb`);
  }
  return files.map(({ object, path }) => ({ path, content: git("cat-file", "blob", object) }));
}

/** LevelDB made anew from the archive of JSON files. */
export async function levelFromArchive(recovering: Recovering): Promise<void> {
  const records = readArchive(recovering.home);
  const read = new Map(networks.map(({ name }) => [name, ofNetwork(records, name)]));
  await placeLevel(recovering, read);
}

const ofNetwork = (records: readonly DeploymentRecord[], name: string): ReadonlyMap<string, unknown> =>
  new Map(records.filter(({ network }) => network === name).map((record) => [record.contract, record]));

/** Unified JSON made anew from LevelDB. */
export async function unifiedFromLevel(recovering: Recovering): Promise<void> {
  const { home, now } = recovering;
  const records = await soundRecords(storeOf(home, "leveldb"), now());
  await keep(recovering);
  await makeUnified(home, records);
}

/** LevelDB made anew from unified JSON. */
export async function levelFromUnified(recovering: Recovering): Promise<void> {
  const { home, now } = recovering;
  const records = await soundRecords(storeOf(home, "unified-json"), now());
  await replaceLevel(recovering, records);
}

/** What is read from the chain again, by the field of a record that it mends. */
export const recoverable = {
  hashes: ["implementation", "implementationHash"],
  "constructor-args": ["constructorArguments"],
  timestamps: ["transaction", "block", "deployedAt"],
} as const satisfies Record<string, readonly (keyof DeploymentRecord)[]>;
export type Recoverable = keyof typeof recoverable;

/**
 * Reads fields of records from the chains and writes them where they differ. Of a record nothing but its address is
 * believed.
 * @returns what was mended
 */
export async function fromChain(
  recovering: Recovering,
  what: Recoverable,
  { network: named, backend, urls }: { readonly network: string; readonly backend: Backend; readonly urls: Urls },
): Promise<string[]> {
  const { home, tell } = recovering;
  const store = storeOf(home, backend);
  const read = await readAll(store);
  const mended: DeploymentRecord[] = [];
  for (const network of networksNamed(named)) {
    const records = read.get(network.name);
    if (records instanceof Error)
      throw new Refusal(records.message, "node examples/contracts/contracts.js recover backup");
    const chain = await chainOf(network, urls);
    for (const contract of network.contracts) {
      const record = (records?.get(contract) ?? {}) as Partial<DeploymentRecord>;
      const address = addressOf(network, contract, record);
      const { name, chainId } = network;
      const onChain = await readDeployment(chain, { network: name, chainId, contract, address });
      const fields = recoverable[what];
      if (fields.every((field) => JSON.stringify(record[field]) === JSON.stringify(onChain[field]))) continue;
      mended.push(merged(record, onChain, fields));
      tell(`${name} ${contract}: ${fields.join(", ")} from the chain`);
    }
  }
  if (mended.length > 0) {
    await keep(recovering);
    await writeAll(store, mended);
  }
  return mended.map(({ network, contract }) => `${network} ${contract}`);
}

/** @throws Refusal when there is no such network */
export function networksNamed(name: string): readonly Network[] {
  if (name === "all") return networks;
  const network = networkNamed(name);
  if (network !== undefined) return [network];
  throw new Refusal(
    `there is no network ${name}`,
    `--network all, or one of ${networks.map((each) => each.name).join(", ")}`,
  );
}

function addressOf(network: Network, contract: string, record: Partial<DeploymentRecord>): `0x${string}` {
  const address = Address.safeParse(record.address);
  if (address.success) return address.data;
  throw new Refusal(
    `${network.name} ${contract}: without its address the chain cannot be asked for it`,
    "node examples/contracts/contracts.js recover backup",
  );
}

/** The record with its fields in their order, those asked for as the chain has them. */
function merged(
  record: Partial<DeploymentRecord>,
  onChain: DeploymentRecord,
  fields: readonly (keyof DeploymentRecord)[],
): DeploymentRecord {
  const keys = Object.keys(onChain) as (keyof DeploymentRecord)[];
  const taken = keys.map((key) => [key, fields.includes(key) ? onChain[key] : record[key]] as const);
  return Object.fromEntries(taken.filter(([, value]) => value !== undefined)) as DeploymentRecord;
}

/** Restores records to LevelDB, when they are valid and what is there was backed up. */
async function placeLevel(recovering: Recovering, read: Read): Promise<void> {
  const { now } = recovering;
  const findings = validate(read, now());
  if (findings.length > 0) {
    throw new Refusal(
      `what would be restored is not valid: ${findings.slice(0, 3).map(lineOf).join("; ")}`,
      "node examples/contracts/contracts.js backups, or another commit",
    );
  }
  await replaceLevel(recovering, recordsOf(read));
}

/** What is there is in a backup: what could not be read of it need not stay beside. */
async function replaceLevel(recovering: Recovering, records: readonly DeploymentRecord[]): Promise<void> {
  await keep(recovering);
  const before = await makeLevel(recovering.home, records);
  if (before !== undefined) rmSync(before, { recursive: true });
}

/** Backs up what is there, before anything of it changes. */
async function keep({ home, now, tell }: Recovering): Promise<void> {
  if (!existsSync(home.leveldb) && !existsSync(home.unified)) return;
  tell(`Backed up as ${(await backUp(home, "restore", "before-recovery", now())).id}`);
}
