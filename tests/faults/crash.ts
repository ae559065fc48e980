import { hash } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Made, Node, Place, Step } from "./disk";
import type { Random } from "./random";

/** What a loss of power may leave of a disk. */
export interface CrashState {
  /** What was lost, for people. */
  readonly name: string;
  nodes(): readonly Node[];
}

/** A disk writes a sector as a whole. */
const sector = 512;
const allOfThem = 5;
const someOfThem = 24;

/**
 * What may be found when the power goes after some steps: what was made sure of is there, and of the rest anything may be
 * lost, in any order, a write also in part. The first is what a killed program leaves, which is all of it.
 */
export function crashStates(base: readonly Node[], steps: readonly Step[], random: Random): CrashState[] {
  const pending = steps.flatMap((_, at) => (isSure(steps, at) ? [] : [at]));
  const without = (lost: ReadonlySet<number>, what: string, from = steps): CrashState => ({
    name: `${what}without ${[...lost].join(", ") || "nothing"}`,
    nodes: () => nodesOf(base, from, lost),
  });
  const torn = pending.flatMap((at) =>
    piecesOf(steps[at], random).flatMap(([name, piece]) =>
      [new Set<number>(), new Set(pending.filter((other) => other !== at))].map((lost) =>
        without(lost, `${at} ${name}, `, steps.with(at, piece)),
      ),
    ),
  );
  return [...choices(pending, random).map((lost) => without(lost, "")), ...torn];
}

/** Which of the pending steps are lost: all choices of a few; of many none, all, each alone, all but each, and some. */
function choices(pending: readonly number[], random: Random): ReadonlySet<number>[] {
  const chosen = (lose: (at: number, index: number) => boolean) => new Set(pending.filter(lose));
  if (pending.length <= allOfThem) {
    return Array.from({ length: 2 ** pending.length }, (_, bits) =>
      chosen((_at, index) => ((bits >> index) & 1) === 1),
    );
  }
  const some = Array.from({ length: someOfThem }, () => chosen(() => random() < 0.5));
  return [
    new Set(),
    new Set(pending),
    ...pending.flatMap((one) => [new Set([one]), chosen((at) => at !== one)]),
    ...some,
  ];
}

/** A write of which only a part reached the disk. */
function piecesOf(step: Step | undefined, random: Random): (readonly [string, Step])[] {
  if (step?.kind !== "write") return [];
  const { bytes, at } = step;
  const cuts = [1, Math.floor(random() * bytes.length), bytes.length - 1].filter(
    (size) => size > 0 && size < bytes.length,
  );
  const pieces = cuts.map((size) => [`cut at ${size}`, bytes.subarray(0, size)] as const);
  const first = Math.floor(at / sector);
  const last = Math.floor((at + bytes.length - 1) / sector);
  const holes = Array.from({ length: last - first + 1 }, (_, index) => {
    const torn = Buffer.from(bytes);
    torn.fill(0, Math.max(0, (first + index) * sector - at), Math.min(bytes.length, (first + index + 1) * sector - at));
    return [`without sector ${first + index}`, torn] as const;
  });
  return [...pieces, ...holes, ["as zeros", Buffer.alloc(bytes.length)] as const].map(([name, torn]) => [
    name,
    { ...step, bytes: torn },
  ]);
}

/** Whether a step is on the disk: whatever it changed was made sure of afterwards. */
function isSure(steps: readonly Step[], at: number): boolean {
  const step = steps[at];
  return step === undefined || touched(step).every((node) => isSynced(steps.slice(at + 1), node, isName(step)));
}

const isName = ({ kind }: Step): boolean => kind !== "write" && kind !== "cut";

function touched(step: Step): readonly number[] {
  switch (step.kind) {
    case "make":
    case "name":
    case "unname":
      return [step.folder];
    case "move":
      return [step.from.folder, step.to.folder];
    case "write":
    case "cut":
      return [step.node];
    case "sync":
    case "say":
      return [];
  }
}

/** What is in a file may be dropped when a sync fails, and the next says nothing of it; of names the next makes sure. */
function isSynced(after: readonly Step[], node: number, isName: boolean): boolean {
  const syncs = after.flatMap((step) => (step.kind === "sync" && step.node === node ? [!step.failed] : []));
  return isName ? syncs.includes(true) : syncs[0] === true;
}

/** What is there when of all steps some are lost. */
function nodesOf(base: readonly Node[], steps: readonly Step[], lost: ReadonlySet<number>): readonly Node[] {
  const nodes = base.map((node) => ("names" in node ? { names: new Map(node.names) } : node));
  for (const [at, step] of steps.entries()) apply(nodes, step, !lost.has(at));
  return nodes;
}

function apply(nodes: Node[], step: Step, kept: boolean): void {
  // What has no name can be written and made sure of nevertheless.
  if (step.kind === "make") nodes[step.node] = emptyNode(step.what);
  if (!kept) return;
  switch (step.kind) {
    case "make":
    case "name":
      namesOf(nodes, step.folder).set(step.name, step.node);
      break;
    case "unname":
      unname(nodes, step, step.node);
      break;
    case "move":
      unname(nodes, step.from, step.node);
      namesOf(nodes, step.to.folder).set(step.to.name, step.node);
      break;
    case "write": {
      const bytes = bytesIn(nodes, step.node);
      const before = Buffer.concat([bytes, Buffer.alloc(Math.max(0, step.at - bytes.length))]).subarray(0, step.at);
      nodes[step.node] = { bytes: Buffer.concat([before, step.bytes, bytes.subarray(step.at + step.bytes.length)]) };
      break;
    }
    case "cut":
      nodes[step.node] = { bytes: bytesIn(nodes, step.node).subarray(0, step.size) };
      break;
    case "sync":
    case "say":
  }
}

function emptyNode(what: Made): Node {
  if (what === "folder") return { names: new Map() };
  return what === "file" ? { bytes: Buffer.alloc(0) } : what;
}

function namesOf(nodes: readonly Node[], at: number): Map<string, number> {
  const node = nodes[at];
  if (node === undefined || !("names" in node)) throw new Error(`${at} is no folder`);
  return node.names;
}

function bytesIn(nodes: readonly Node[], at: number): Buffer {
  const node = nodes[at];
  if (node === undefined || !("bytes" in node)) throw new Error(`${at} is no file`);
  return node.bytes;
}

function unname(nodes: readonly Node[], { folder, name }: Place, node: number): void {
  const names = namesOf(nodes, folder);
  if (names.get(name) === node) names.delete(name);
}

/** Puts what is on a disk into a folder that is not there yet. */
export function layOut(nodes: readonly Node[], path: string, at = 0): void {
  const node = nodes[at];
  if (node === undefined) throw new Error(`${at} is not on the disk`);
  if ("bytes" in node) writeFileSync(path, node.bytes);
  else if ("text" in node) symlinkSync(node.text, path);
  else {
    mkdirSync(path);
    for (const [name, number] of node.names) layOut(nodes, join(path, name), number);
  }
}

/** Tells states apart by all that is on the disk. */
export function digestOf(nodes: readonly Node[], at = 0): string {
  const node = nodes[at];
  if (node === undefined) return "";
  if ("bytes" in node) return hash("sha256", node.bytes);
  if ("text" in node) return `-> ${node.text}`;
  const names = [...node.names].sort(([a], [b]) => (a < b ? -1 : 1));
  return hash("sha256", JSON.stringify(names.map(([name, number]) => [name, digestOf(nodes, number)])));
}
