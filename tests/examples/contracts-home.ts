import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { begin } from "../../examples/contracts/begin";
import { Home, storeOf, type Backend } from "../../examples/contracts/home";
import { aspects } from "../../examples/contracts/validate";
import { inspect, lineOf } from "../../examples/contracts/inspect";
import type { Json } from "../../records/store";

const made: string[] = [];

let first: Promise<string> | undefined;

/** A home folder with the committed records, in both stores, with a backup. */
export async function newHome(): Promise<Home> {
  first ??= begun();
  const folder = newFolder();
  cpSync(await first, folder, { recursive: true });
  return new Home(folder);
}

async function begun(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "contracts-test-"));
  process.once("exit", () => {
    rmSync(folder, { recursive: true, force: true });
  });
  await begin(new Home(folder), () => new Date());
  return folder;
}

/** An empty folder that removeHomes removes. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "contracts-test-"));
  made.push(folder);
  return folder;
}

/** Removes what newHome has made. */
export function removeHomes(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Changes a record, or takes it away. */
export async function edit(
  home: Home,
  backend: Backend,
  [network, contract]: readonly [network: string, contract: string],
  change: (record: Record<string, Json>) => Json | undefined,
): Promise<void> {
  const collection = storeOf(home, backend).collection(network);
  const record = (await collection.get(contract)) as Record<string, Json>;
  await collection.write(new Map([[contract, change({ ...record })]]));
}

/** Changes a file as an editor or a bad disk would. */
export function damage(path: string, change: (text: string) => string): void {
  const text = readFileSync(path, "latin1");
  const changed = change(text);
  if (changed === text) throw new Error(`nothing of ${path} was changed`);
  writeFileSync(path, changed, "latin1");
}

/** What is wrong with a backend: the aspect of each finding, and its line. */
export async function findingsOf(home: Home, backend: Backend): Promise<(readonly [aspect: string, line: string])[]> {
  const { findings } = await inspect(storeOf(home, backend), aspects, new Date());
  return findings.map((finding) => [finding.aspect, lineOf(finding)]);
}

/** A record without one of its fields. */
export const without = <T extends object>(record: T, field: keyof T): T =>
  Object.fromEntries(Object.entries(record).filter(([key]) => key !== field)) as T;
