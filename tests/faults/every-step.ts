import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crashStates, digestOf, layOut } from "./crash";
import { Disk, type Fault, type Node, type Step } from "./disk";
import { randomFor, report, type Random } from "./random";

/** A program that writes, and what must hold however it was interrupted. */
export interface Scenario {
  readonly name: string;
  /** Lays out what was there before. */
  prepare?(folder: string): void | Promise<void>;
  /** Writes; says what it is about to do and what it has done, for `check`. */
  act(folder: string, disk: Disk): void | Promise<void>;
  /** Looks at what is left, by what was said until then, and goes on with it: nobody repairs anything by hand. */
  check(folder: string, said: readonly string[]): void | Promise<void>;
  /** Whether the disk can have symbolic links; it can. */
  readonly links?: boolean;
}

/** What a program said of some kind: of `begun 7` and `written 7` the numbers that were begun. */
export const saidOf = (said: readonly string[], kind: string): string[] =>
  said.flatMap((each) => (each.startsWith(`${kind} `) ? [each.slice(kind.length + 1)] : []));

/** How much was tried. */
interface Tried {
  /** Steps times ways to fail them. */
  points: number;
  /** Different states of the disk after a loss of power. */
  states: number;
}

/** Fails every step of a scenario in every way, one at a time, pulls the plug before and after each, and says how often. */
export async function failEveryStep(scenario: Scenario): Promise<void> {
  const room = mkdtempSync(join(tmpdir(), "rewind-faults-"));
  const began = performance.now();
  try {
    const { points, states } = await new Trial(scenario, room).everything();
    report(`${points} points, ${states} states of the disk`, began);
  } finally {
    rmSync(room, { recursive: true });
  }
}

/** How many states of a moment are checked where something failed before; as many as there are in the longer run. */
const afterAFault = Number(process.env.REWIND_FAULT_STATES ?? 3);
/** Every way to fail a step; a write also after some of its bytes. */
const ways = ["EIO", "ENOSPC", "killed"] as const;

class Trial {
  private readonly tried: Tried = { points: 0, states: 0 };
  private readonly seen = new Set<string>();
  private readonly random: Random;
  private folders = 0;

  constructor(
    private readonly scenario: Scenario,
    private readonly room: string,
  ) {
    this.random = randomFor(scenario.name);
  }

  async everything(): Promise<Tried> {
    const disk = await this.start();
    await disk.during(() => this.scenario.act(disk.root, disk));
    await this.pullThePlug(disk, 0, "nothing failed", Number.POSITIVE_INFINITY);
    const steps = disk.steps.filter(({ kind }) => kind !== "say");
    for (const [index, step] of steps.entries()) {
      for (const how of ways) {
        await this.fail({ at: index + 1, how });
        if (step.kind !== "write") continue;
        await this.fail({ at: index + 1, how, part: 1 + Math.floor(this.random() * (step.bytes.length - 1)) });
      }
    }
    return this.tried;
  }

  /** Fails one step, and lets another program come after it on the same machine. */
  private async fail(fault: Fault): Promise<void> {
    this.tried.points += 1;
    const name = `step ${fault.at} ${fault.how}${fault.part === undefined ? "" : ` after ${fault.part} bytes`}`;
    const disk = await this.start(fault);
    try {
      await disk.during(() => this.scenario.act(disk.root, disk));
    } catch (error) {
      if (!disk.hasFailed) throw named(error, name);
    }
    disk.restart();
    try {
      await disk.during(() => this.scenario.act(disk.root, disk));
    } catch (error) {
      throw named(error, `${name}, and then nothing`);
    }
    await this.pullThePlug(disk, placeOf(disk.steps, fault.at), name, afterAFault);
  }

  private async start(fault?: Fault): Promise<Disk> {
    const folder = this.folder();
    mkdirSync(folder);
    await new Disk(folder).during(() => this.scenario.prepare?.(folder));
    return new Disk(folder, fault, this.scenario.links);
  }

  /** Checks whatever a loss of power may leave after any step from one on; of many states at most some of each moment. */
  private async pullThePlug(disk: Disk, from: number, name: string, most: number): Promise<void> {
    for (let end = from; end <= disk.steps.length; end += 1) {
      const done = disk.steps.slice(0, end);
      const said = done.flatMap((step) => (step.kind === "say" ? [step.text] : []));
      for (const state of some(crashStates(disk.base, done, this.random), most, this.random)) {
        const where = `${name}; the power went after ${end} of ${describe(disk.steps)}: ${state.name}`;
        await this.check(state.nodes(), said, where);
      }
    }
  }

  private async check(nodes: readonly Node[], said: readonly string[], name: string): Promise<void> {
    const digest = `${said.join()} ${digestOf(nodes)}`;
    if (this.seen.has(digest)) return;
    this.seen.add(digest);
    this.tried.states += 1;
    const folder = this.folder();
    layOut(nodes, folder);
    try {
      // Nothing here has to wait for the real disk.
      await new Disk(folder).during(() => this.scenario.check(folder, said));
    } catch (error) {
      throw named(error, name);
    }
    rmSync(folder, { recursive: true });
  }

  private folder(): string {
    this.folders += 1;
    return join(this.room, `${this.folders}`);
  }
}

/** The first of some things, which is what a kill leaves, and of the others some. */
function some<T>(all: readonly T[], most: number, random: Random): readonly T[] {
  if (all.length <= most) return all;
  const [first, ...others] = all.map((each) => ({ each, by: random() }));
  const chosen = others.sort((a, b) => a.by - b.by).slice(0, most - 1);
  return [...(first === undefined ? [] : [first]), ...chosen].map(({ each }) => each);
}

/** Where among all that was done and said a step stands that failed. */
function placeOf(steps: readonly Step[], at: number): number {
  const places = steps.flatMap(({ kind }, index) => (kind === "say" ? [] : [index]));
  return places[at - 1] ?? steps.length;
}

const describe = (steps: readonly Step[]): string => steps.map(({ kind }, at) => `${at + 1} ${kind}`).join(", ");

function named(error: unknown, name: string): Error {
  return new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
