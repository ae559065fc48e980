import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";

/** A name in a folder. */
export interface Place {
  readonly folder: number;
  readonly name: string;
}

export type Made = "file" | "folder" | { readonly text: string };

/** What a program asked of a disk. Folders and files go by numbers, which stay when their names change. */
export type Step =
  | ({ readonly kind: "make"; readonly node: number; readonly what: Made } & Place)
  | ({ readonly kind: "name"; readonly node: number } & Place)
  | ({ readonly kind: "unname"; readonly node: number } & Place)
  | { readonly kind: "move"; readonly node: number; readonly from: Place; readonly to: Place }
  | { readonly kind: "write"; readonly node: number; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: "cut"; readonly node: number; readonly size: number }
  /** After one that failed the system may drop what it was to make sure of, and tell nobody again. */
  | { readonly kind: "sync"; readonly node: number; readonly failed: boolean }
  /** Not the disk's: what the program had promised by then. */
  | { readonly kind: "say"; readonly text: string };

/** What is on a disk, by number; the first is the folder that is watched. */
export type Node = { readonly bytes: Buffer } | { readonly text: string } | { readonly names: Map<string, number> };

/** Which step fails, counted from 1, and how; `killed` is the end of the program, as far as the disk sees it. */
export interface Fault {
  readonly at: number;
  readonly how: "EIO" | "ENOSPC" | "killed";
  /** How many bytes of a write are written before. */
  readonly part?: number;
}

/** What a killed program gets for whatever it still asks of the disk. */
export class Killed extends Error {
  override readonly name = "Killed";
}

type Flags = string | number;
type Data = string | NodeJS.ArrayBufferView;

const { O_APPEND, O_CREAT, O_EXCL, O_TRUNC } = fs.constants;
/** What the flags of a file that is opened do to the disk. */
const effects: Readonly<Record<string, number>> = {
  w: O_CREAT | O_TRUNC,
  wx: O_CREAT | O_EXCL,
  a: O_CREAT | O_APPEND,
  ax: O_CREAT | O_EXCL | O_APPEND,
};
const effectsOf = (flags: Flags): number =>
  typeof flags === "number" ? flags : (effects[flags.replaceAll(/[+s]/g, "")] ?? 0);

const bytesOf = (data: Data): Buffer =>
  typeof data === "string" ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength);

/**
 * Stands in for the synchronous `node:fs` while a program runs, for all that lies in one folder: keeps every step in its
 * order, and lets one of them fail. It never waits for the real disk.
 */
export class Disk {
  readonly steps: Step[] = [];
  /** What was on it before, and is sure to stay. */
  readonly base: readonly Node[];
  /** How many steps were asked for; what a program says is none. */
  asked = 0;
  private readonly nodes: Node[] = [];
  private readonly opened = new Map<number, { readonly node: number; readonly append: boolean; at: number }>();
  private readonly real = { ...fs };
  private state: "sound" | "full" | "killed" = "sound";

  /** @param links whether it can have symbolic links */
  constructor(
    readonly root: string,
    private fault?: Fault,
    private readonly links = true,
  ) {
    this.look(root);
    this.base = this.nodes.map((node) => ("names" in node ? { names: new Map(node.names) } : node));
  }

  /** Notes what the program promises. */
  say(text: string): void {
    if (this.state !== "killed") this.steps.push({ kind: "say", text });
  }

  /** Whether what was to fail has failed. */
  get hasFailed(): boolean {
    return this.fault !== undefined && this.asked >= this.fault.at;
  }

  /** Runs a program on it. */
  async during(program: () => void | Promise<void>): Promise<void> {
    const replaced = this.replaced();
    const { open } = fs.promises;
    Object.assign(fs, replaced);
    Object.assign(fs.promises, {
      open: async (path: string, flags: Flags = "r", mode?: number): Promise<unknown> =>
        this.has(path) ? this.handle(path, flags, mode) : open(path, flags, mode),
    });
    try {
      await program();
    } finally {
      Object.assign(fs, Object.fromEntries(Object.entries(this.real).filter(([name]) => name in replaced)));
      Object.assign(fs.promises, { open });
      for (const file of this.opened.keys()) this.real.closeSync(file);
      this.opened.clear();
    }
  }

  /** Lets the next program find it as the one before left it, with nothing more to fail. */
  restart(): void {
    this.state = "sound";
    this.fault = undefined;
  }

  private look(path: string): number {
    const stat = fs.lstatSync(path);
    const node = this.nodes.length;
    if (stat.isSymbolicLink()) this.nodes.push({ text: fs.readlinkSync(path) });
    else if (stat.isDirectory()) {
      const names = new Map<string, number>();
      this.nodes.push({ names });
      for (const name of fs.readdirSync(path)) names.set(name, this.look(join(path, name)));
    } else this.nodes.push({ bytes: fs.readFileSync(path) });
    return node;
  }

  private names(folder: number): Map<string, number> {
    const node = this.nodes[folder];
    return node !== undefined && "names" in node ? node.names : new Map<string, number>();
  }

  private has(path: string): boolean {
    return path === this.root || path.startsWith(`${this.root}${sep}`);
  }

  private place(path: string): Place {
    const inside = relative(this.root, dirname(path));
    const names = inside === "" ? [] : inside.split(sep);
    return { folder: names.reduce((at, name) => this.names(at).get(name) ?? -1, 0), name: basename(path) };
  }

  private node(path: string): number | undefined {
    if (path === this.root) return 0;
    const { folder, name } = this.place(path);
    return this.names(folder).get(name);
  }

  /** Fails, or does a step and keeps it. */
  private take(step: Step, act: () => void): void {
    this.ask(step);
    act();
    this.steps.push(step);
  }

  /** Throws when this is the step that fails, or one after it that fails for the same reason. */
  private ask(step: Step): void {
    if (this.state === "killed") throw new Killed();
    this.asked += 1;
    const spacious = step.kind !== "write" && step.kind !== "make";
    if (this.asked !== this.fault?.at && (this.state === "sound" || spacious)) return;
    const how = this.fault?.how ?? "EIO";
    if (how === "killed") this.state = "killed";
    // A disk that is full stays full.
    if (how === "ENOSPC") this.state = "full";
    if (how === "killed") throw new Killed();
    if (step.kind === "sync") this.steps.push({ ...step, failed: true });
    throw Object.assign(new Error(`${how}: made to fail, ${step.kind}`), { code: how });
  }

  private make(path: string, what: Made, act: () => void): number {
    const place = this.place(path);
    const node = this.nodes.length;
    this.take({ kind: "make", node, what, ...place }, act);
    this.nodes.push(what === "folder" ? { names: new Map() } : { bytes: Buffer.alloc(0) });
    this.names(place.folder).set(place.name, node);
    return node;
  }

  private open(path: string, flags: Flags, mode?: number): number {
    const does = effectsOf(flags);
    let node = this.node(path);
    let file: number | undefined;
    const act = (): void => {
      file = this.real.openSync(path, flags, mode);
    };
    if (node === undefined && (does & O_CREAT) !== 0) node = this.make(path, "file", act);
    else if (node !== undefined && (does & O_TRUNC) !== 0) this.take({ kind: "cut", node, size: 0 }, act);
    else act();
    if (file === undefined || node === undefined) throw new Error(`${path} is not known`);
    this.opened.set(file, { node, append: (does & O_APPEND) !== 0, at: 0 });
    return file;
  }

  private write(file: number, bytes: Buffer): void {
    const opened = this.opened.get(file);
    const { fault } = this;
    if (opened === undefined) this.real.writeFileSync(file, bytes);
    else if (fault?.part !== undefined && fault.at === this.asked + 1) {
      this.fault = { at: fault.at + 1, how: fault.how };
      this.write(file, bytes.subarray(0, fault.part));
      this.write(file, bytes.subarray(fault.part));
    } else {
      const at = opened.append ? this.real.fstatSync(file).size : opened.at;
      this.take({ kind: "write", node: opened.node, at, bytes: Buffer.from(bytes) }, () => {
        this.real.writeSync(file, bytes, 0, bytes.length, opened.append ? null : at);
      });
      opened.at = at + bytes.length;
    }
  }

  private sync(file: number): void {
    const opened = this.opened.get(file);
    if (opened === undefined) this.real.fsyncSync(file);
    else this.take({ kind: "sync", node: opened.node, failed: false }, () => undefined);
  }

  private writeFile(path: string | number, data: Data, options: { flag?: Flags; mode?: number }): void {
    if (typeof path === "number") {
      this.write(path, bytesOf(data));
      return;
    }
    const file = this.open(path, options.flag ?? "w", options.mode);
    try {
      this.write(file, bytesOf(data));
    } finally {
      this.close(file);
    }
  }

  private close(file: number): void {
    this.opened.delete(file);
    this.real.closeSync(file);
  }

  private cut(file: number, size: number): void {
    const opened = this.opened.get(file);
    const act = (): void => {
      this.real.ftruncateSync(file, size);
    };
    if (opened === undefined) act();
    else this.take({ kind: "cut", node: opened.node, size }, act);
  }

  private rename(from: string, to: string): void {
    const [source, target, node] = [this.place(from), this.place(to), this.node(from)];
    const act = (): void => {
      this.real.renameSync(from, to);
    };
    if (node === undefined) {
      act();
      return;
    }
    this.take({ kind: "move", node, from: source, to: target }, act);
    this.names(source.folder).delete(source.name);
    this.names(target.folder).set(target.name, node);
  }

  private nameAgain(from: string, to: string): void {
    const [place, node] = [this.place(to), this.node(from)];
    if (node === undefined) throw new Error(`${from} is not known`);
    this.take({ kind: "name", node, ...place }, () => {
      this.real.linkSync(from, to);
    });
    this.names(place.folder).set(place.name, node);
  }

  private unname(path: string, act: () => void): void {
    const [place, node] = [this.place(path), this.node(path)];
    if (node === undefined) {
      act();
      return;
    }
    this.take({ kind: "unname", node, ...place }, act);
    this.names(place.folder).delete(place.name);
  }

  private makeLink(text: string, path: string): void {
    if (!this.links) throw Object.assign(new Error("no links here"), { code: "EPERM" });
    const act = (): void => {
      this.real.symlinkSync(text, path);
    };
    if (this.node(path) !== undefined) act();
    this.make(path, { text }, act);
  }

  /** Returns the first folder that was made, as `mkdirSync` does. */
  private makeFolder(path: string, { recursive = false, mode }: { recursive?: boolean; mode?: number }): unknown {
    const made =
      recursive && !this.real.existsSync(dirname(path))
        ? this.makeFolder(dirname(path), { recursive, mode: mode ?? 0o777 })
        : undefined;
    if (recursive && this.real.existsSync(path)) return made;
    this.make(path, "folder", () => {
      this.real.mkdirSync(path, { mode });
    });
    return made ?? path;
  }

  private remove(path: string, options: fs.RmOptions): void {
    if (options.force === true && this.node(path) === undefined) return;
    const stat = this.real.lstatSync(path);
    if (!stat.isDirectory()) {
      this.unname(path, () => {
        this.real.unlinkSync(path);
      });
      return;
    }
    if (options.recursive) for (const name of this.real.readdirSync(path)) this.remove(join(path, name), options);
    this.unname(path, () => {
      this.real.rmdirSync(path);
    });
  }

  private copy(from: string, to: string): void {
    if (!this.real.lstatSync(from).isDirectory()) {
      this.writeFile(to, this.real.readFileSync(from), {});
      return;
    }
    this.makeFolder(to, {});
    for (const name of this.real.readdirSync(from)) this.copy(join(from, name), join(to, name));
  }

  /** A file as `node:fs/promises` opens it, as far as it is used. */
  private handle(path: string, flags: Flags, mode?: number) {
    const file = this.open(path, flags, mode);
    const later = async (act: () => void): Promise<void> => {
      await Promise.resolve();
      act();
    };
    return {
      appendFile: (data: Data) =>
        later(() => {
          this.write(file, bytesOf(data));
        }),
      sync: () =>
        later(() => {
          this.sync(file);
        }),
      close: () =>
        later(() => {
          this.close(file);
        }),
    };
  }

  /** What stands in for each function; what is not on this disk goes its own way. */
  private replaced(): object {
    const { real } = this;
    const on =
      <A extends readonly unknown[]>(own: (...args: A) => unknown, other: (...args: never) => unknown) =>
      (...args: A): unknown =>
        args.some((each) => typeof each === "string" && this.has(each))
          ? own(...args)
          : (other as (...args: A) => unknown)(...args);
    type Options = { flag?: Flags; mode?: number } | string | null;
    return {
      openSync: on((path: string, flags: Flags = "r", mode?: number) => this.open(path, flags, mode), real.openSync),
      closeSync: (file: number) => {
        this.close(file);
      },
      writeFileSync: (path: string | number, data: Data, options?: Options) => {
        if (typeof path === "number" ? this.opened.has(path) : this.has(path)) {
          this.writeFile(path, data, typeof options === "object" && options !== null ? options : {});
        } else real.writeFileSync(path, data, options as fs.WriteFileOptions);
      },
      fsyncSync: (file: number) => {
        this.sync(file);
      },
      ftruncateSync: (file: number, size: number) => {
        this.cut(file, size);
      },
      renameSync: on((from: string, to: string) => {
        this.rename(from, to);
      }, real.renameSync),
      linkSync: on((from: string, to: string) => {
        this.nameAgain(from, to);
      }, real.linkSync),
      symlinkSync: on((text: string, path: string) => {
        this.makeLink(text, path);
      }, real.symlinkSync),
      unlinkSync: on((path: string) => {
        this.remove(path, {});
      }, real.unlinkSync),
      rmSync: on((path: string, options: fs.RmOptions = {}) => {
        this.remove(path, options);
      }, real.rmSync),
      cpSync: on((from: string, to: string) => {
        this.copy(from, to);
      }, real.cpSync),
      mkdirSync: on(
        (path: string, options: { recursive?: boolean; mode?: number } = {}) => this.makeFolder(path, options),
        real.mkdirSync,
      ),
      mkdtempSync: on(
        (prefix: string) => this.makeFolder(`${prefix}${randomBytes(3).toString("hex")}`, { mode: 0o700 }),
        real.mkdtempSync,
      ),
    };
  }
}
