import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Scalar,
  visit,
  type Alias,
  type Document,
  type Node,
  type YAMLMap,
} from "yaml";
import { shortened } from "../release/text";
import { printable } from "../release/problems";
import { limits, tooDeep, tooManyValues } from "../release/limits";
import { isRounded, resolveAsCore, resolveAsEngine } from "./scalar";
import type { YamlProblem } from "./yaml";

/** The engine does not read the file, or not as a whole. */
export class Unreadable extends Error {
  constructor(readonly problem: YamlProblem) {
    super(problem.message);
  }
}

/**
 * Goes through a document once, as the engine's decoder does. Its problems are those of single places; of what the engine
 * does not read at all it throws Unreadable.
 */
export class Decoder {
  readonly problems: YamlProblem[] = [];
  private readonly keys: string[] = [];
  private readonly targets = new Map<Alias, Node>();
  private readonly open = new Set<Node>();
  private values = 0;
  private aliased = 0;
  private depth = 0;
  private flow = 0;

  constructor(
    document: Document.Parsed,
    private readonly text: string,
    private readonly lineAt: (offset: number) => number,
  ) {
    const anchors = new Map<string, Node>();
    const tabs = new Set([...text.matchAll(/^ *(?:- *)*\t/gm)].map(({ 0: blank, index }) => index + blank.length - 1));
    visit(document, {
      Node: (_, node) => {
        if (isScalar(node)) {
          const [from = 0, to = 0] = node.range ?? [];
          for (const at of tabs) if (at >= from && at < to) tabs.delete(at);
        }
        if (!isAlias(node)) {
          if (node.anchor === undefined) return;
          if (!/^[A-Za-z0-9_-]+$/.test(node.anchor))
            this.fail(node, `the anchor &${shown(node.anchor)}; it takes A-Z a-z 0-9 _ -`);
          anchors.set(node.anchor, node);
          return;
        }
        const target = anchors.get(node.source);
        if (target !== undefined) this.targets.set(node, target);
      },
    });
    const [tab] = tabs;
    if (tab !== undefined) {
      throw new Unreadable({
        keys: [],
        line: lineAt(tab),
        message: "a tab in the indentation; use spaces",
        fatal: true,
      });
    }
  }

  read(node: Node | null | undefined): unknown {
    this.count(node);
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.alias(node, (target) => this.read(target));
    if (isScalar(node)) return this.scalar(node);
    if (node.tag !== undefined && !collectionTags.has(node.tag)) this.report(node, tagMessage(node.tag));
    if (!isMap(node) && !isSeq(node)) return null;
    // The file's own key and the one of the value come on top.
    if (this.keys.length > limits.depth + 1) {
      this.report(node, tooDeep);
      return null;
    }
    const { flow } = this;
    // What an alias stands for is written elsewhere.
    this.flow = node.flow === true ? flow + 1 : 0;
    const read = isMap(node)
      ? this.map(node)
      : node.items.map((item, index) => this.below(String(index), () => this.read(item as Node | null)));
    this.flow = flow;
    return read;
  }

  private map(node: YAMLMap): Record<string, unknown> {
    const entries: Record<string, unknown> = {};
    this.fill(entries, node, new Set());
    return entries;
  }

  /** Adds the entries of a map and then those that it merges; what is there already stays. */
  private fill(entries: Record<string, unknown>, node: YAMLMap, taken: Set<string>): void {
    const written = new Set<string>();
    let merged: Node | undefined;
    for (const { key, value } of node.items as { key: Node | null; value: Node | null }[]) {
      const source = isScalar(key) ? String(key.value) : "";
      const name = this.key(key, node);
      if (written.has(source) || (name !== undefined && written.has(name))) {
        this.fail(key ?? node, `the key ${shown(source)} a second time`);
      }
      written.add(source);
      if (name === undefined) {
        merged = value ?? undefined;
        if (merged === undefined) this.fail(key ?? node, "<< merges a map or a list of maps");
        continue;
      }
      written.add(name);
      const inner = this.below(name, () => this.read(value));
      if (taken.has(name)) continue;
      taken.add(name);
      // As an own property, whatever its name is.
      Object.defineProperty(entries, name, { value: inner, enumerable: true, writable: true, configurable: true });
    }
    if (merged !== undefined) this.merge(entries, merged, taken);
  }

  private merge(entries: Record<string, unknown>, node: Node, taken: Set<string>): void {
    this.count(node);
    const maps = isSeq(node) ? (node.items as Node[]) : [node];
    for (const each of maps) {
      const fill = (target: Node): void => {
        if (isMap(target)) this.fill(entries, target, taken);
        else this.fail(each, "<< merges a map or a list of maps");
      };
      if (isAlias(each)) this.alias(each, fill);
      else fill(each);
    }
  }

  /** A key's text; undefined for `<<`, which merges. */
  private key(key: Node | null, map: YAMLMap): string | undefined {
    this.count(key);
    if (key === null || !isScalar(key)) this.fail(key ?? map, "a key that is not a text; put it in quotes");
    const [from = 0, to = 0] = key.range ?? [];
    if (this.text.slice(from, to).includes("\n")) this.fail(key, "a key of several lines");
    if (this.flow > 0 && /^:[,\]}]/.test(this.text.slice(to, to + 2)))
      this.fail(key, "a key without a value between brackets");
    if (key.type === Scalar.PLAIN && key.value === "<<" && key.tag === undefined) return undefined;
    const source = String(key.value);
    const value = this.scalar(key, "key");
    // The engine writes whole numbers and booleans as they are, and other numbers in a form of its own.
    const same = typeof value === "boolean" || Number.isInteger(value);
    if (typeof value === "string" || (same && String(value) === source)) return source;
    if (value !== undefined) this.report(key, `the key ${shown(source)} is ${kindOf(value)}; quote it: "${source}"`);
    return source;
  }

  private scalar(node: Scalar, what: "key" | "value" = "value"): unknown {
    const source = node.value as string;
    const quoted = node.type !== Scalar.PLAIN;
    if (!quoted && this.flow > 0 && source.includes("?")) {
      this.fail(node, `${shown(source)} has a ? between brackets, where Pulumi does not read it; quote it`);
    }
    if (!quoted && this.flow > 0 && source.startsWith(":"))
      this.fail(node, `${shown(source)} begins with a colon; quote it`);
    if (node.tag === "tag:yaml.org,2002:str" || (quoted && node.tag === undefined)) return this.textOf(node, source);
    if (node.tag !== undefined) {
      this.report(node, tagMessage(node.tag));
      return source;
    }
    const resolved = resolveAsEngine(source);
    const core = resolveAsCore(source);
    const infinite = typeof core === "number" && !Number.isFinite(core);
    const name = what === "key" ? "the key " : "";
    if (resolved.kind === "value" && resolved.value === core && !infinite) {
      if (typeof core === "number" && isRounded(source)) {
        this.report(
          node,
          `${name}${shown(source)} would become ${core}; write that, or quote it: ${JSON.stringify(source)}`,
        );
      }
      // JSON knows no minus zero.
      return core === 0 ? 0 : core;
    }
    const engine = resolved.kind === "timestamp" ? "a date" : kindOf(resolved.value);
    const remedy = `quote it: ${JSON.stringify(source)}`;
    if (infinite) {
      this.report(node, `${name}${shown(source)} is a number that JSON does not have; ${remedy}`);
    } else {
      this.report(node, `${name}${shown(source)} is ${engine} to Pulumi and ${kindOf(core)} to others; ${remedy}`);
    }
    return resolved.kind === "timestamp" ? source : resolved.value;
  }

  /** The engine writes a text of several lines once more before it reads it, and loses blanks that it begins with. */
  private textOf(node: Scalar, source: string): string {
    const block = node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED;
    const [from = 0, to = 0] = node.range ?? [];
    // A last line without an end has none in the text either.
    const unended =
      block && source.endsWith("\n") && to >= this.text.length && !this.text.slice(from, to).endsWith("\n");
    const text = unended ? source.slice(0, -1) : source;
    if (node.type === Scalar.QUOTE_DOUBLE && /\\\r?\n[ \t]*\r?\n/.test(this.text.slice(from, to))) {
      this.report(node, "an empty line after one that ends in a backslash; write it on one line");
    }
    if (block && /^\s*\t/.test(text))
      this.fail(node, "a tab at the beginning of a block, where Pulumi expects its text");
    if (block && text.trim() === "" && /^.[-+]?[1-9]/.test(this.text.slice(from, to))) {
      this.report(node, "a block of nothing but blanks; write it in double quotes");
    }
    if (node.type === Scalar.BLOCK_FOLDED && (/\n[ \t]/.test(text) || this.text.startsWith(">+", from))) {
      this.report(node, "a folded block with indented lines or a +, which pulumi config set changes; write it with |");
    }
    if (text.includes("\n") && /^\s/.test(text)) {
      this.report(node, "a text of several lines that begins with a blank or a line break, which Pulumi changes");
    }
    return text;
  }

  private alias<T>(node: Alias, use: (target: Node) => T): T {
    const target = this.targets.get(node);
    if (target === undefined) this.fail(node, `*${shown(node.source)} comes before its anchor, or there is none`);
    if (this.open.has(target)) this.fail(node, `*${shown(node.source)} is inside its own anchor`);
    if (this.depth >= limits.depth) this.fail(node, `aliases ${tooDeep}`);
    this.open.add(target);
    this.depth += 1;
    try {
      return use(target);
    } finally {
      this.depth -= 1;
      this.open.delete(target);
    }
  }

  private below<T>(key: string, work: () => T): T {
    this.keys.push(key);
    try {
      return work();
    } finally {
      this.keys.pop();
    }
  }

  /** The engine's own budget: from a thousand values on all but a hundredth may come of aliases, in small files. */
  private count(node: Node | null | undefined): void {
    this.values += 1;
    if (this.depth > 0) this.aliased += 1;
    if (this.values > 1_000 && this.aliased / this.values > 0.99) {
      this.fail(node ?? undefined, "too many values come of aliases; write some of them out");
    }
    if (this.values > limits.values) this.fail(node ?? undefined, tooManyValues(limits.values));
  }

  private problem(node: Node | undefined, message: string, fatal: boolean): YamlProblem {
    return { keys: [...this.keys], line: this.lineAt(node?.range?.[0] ?? 0), message, fatal };
  }

  private report(node: Node, message: string): void {
    this.problems.push(this.problem(node, message, false));
  }

  private fail(node: Node | undefined, message: string): never {
    throw new Unreadable(this.problem(node, message, true));
  }
}

const collectionTags: ReadonlySet<string> = new Set(["tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"]);

const shown = (text: string): string => printable(shortened(text, 40));

function tagMessage(tag: string): string {
  return `the tag ${shown(tag.replace("tag:yaml.org,2002:", "!!"))}; leave it out, and put a text in quotes`;
}

function kindOf(value: unknown): string {
  if (typeof value === "string") return "a text";
  return typeof value === "number" ? `the number ${value}` : String(value);
}
