import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";

/** The addresses of one clone's private engine: a /20 of 10.64.0.0/10, whose first half is for the default bridge. */
export interface Subnet {
  /** The bridge's own address, which containers know as the host; its network is a /24. */
  readonly gateway: string;
  /** Docker carves the networks that the users define out of this one, a /26 each. */
  readonly pool: string;
}

/** An IPv4 network as first and last address. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** The networks to try, beginning with the one that the clone's id names; 1,024 in all. */
export function* candidateSubnets(id: string): Generator<Subnet & Range> {
  const start = createHash("sha256").update(id).digest().readUInt16BE();
  for (let step = 0; step < 1024; step++) {
    const block = (start + step * 5) % 1024;
    const base = 10 * 2 ** 24 + 64 * 2 ** 16 + block * 4096;
    const dotted = (offset: number): string => dottedOf(base + offset);
    yield { gateway: dotted(1), pool: `${dotted(2048)}/21`, first: base, last: base + 4095 };
  }
}

/** The first candidate that overlaps none of the ranges. */
export function chooseSubnet(id: string, taken: readonly Range[]): Subnet {
  for (const { gateway, pool, first, last } of candidateSubnets(id)) {
    if (!taken.some((range) => range.first <= last && first <= range.last)) return { gateway, pool };
  }
  throw new Error("no network between 10.64.0.0 and 10.127.255.255 is free");
}

/** What this host's interfaces and routes occupy. The default route, which covers everything, is left out. */
export function takenRanges(): Range[] {
  const addresses = Object.values(os.networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family }) => family === "IPv4")
    .map(({ address, netmask }) => rangeOf(numberOf(address), numberOf(netmask)));
  return [...addresses, ...routes()];
}

function routes(): Range[] {
  try {
    return parseRoutes(fs.readFileSync("/proc/net/route", "utf8"));
  } catch {
    return [];
  }
}

/** Reads Linux's routing table, where addresses are hexadecimal and in the host's byte order (little-endian). */
export function parseRoutes(table: string): Range[] {
  return table
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
    .map((fields) => rangeOf(littleEndian(fields[1] ?? "0"), littleEndian(fields[7] ?? "0")))
    .filter(({ first, last }) => last - first < 2 ** 32 - 1);
}

function littleEndian(hex: string): number {
  return Buffer.from(hex.padStart(8, "0"), "hex").readUInt32LE();
}

function rangeOf(address: number, mask: number): Range {
  const size = 2 ** 32 - mask;
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1 };
}

function numberOf(dotted: string): number {
  return dotted.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function dottedOf(address: number): string {
  return [24, 16, 8, 0].map((shift) => String(Math.floor(address / 2 ** shift) % 256)).join(".");
}
