import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Bag } from "../../../local/plugins/schema";
import type { Json } from "./wire";

const FOLDER = join(__dirname, "../../fixtures/recordings");

/** One call of the engine to a vendor's plugin, and what the plugin answered. */
export interface RecordedCall {
  readonly title: string;
  readonly file: string;
  readonly plugin: string;
  readonly method: string;
  readonly request: Json & {
    readonly type?: string;
    readonly name?: string;
    readonly urn?: string;
    readonly preview?: boolean;
    readonly news?: Bag;
    readonly properties?: Bag;
  };
  readonly response?: Json;
  readonly errors?: string[];
}

/** Every recorded call in the order of the files, the same question and answer once. */
export const recordings: readonly RecordedCall[] = once(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith(".jsonl"))
    .sort()
    .flatMap((file) =>
      readFileSync(join(FOLDER, file), "utf8")
        .trim()
        .split("\n")
        .map((line, index) => callOf(file, index + 1, line)),
    ),
);

function callOf(file: string, line: number, text: string): RecordedCall {
  const { metadata, ...call } = JSON.parse(text) as Omit<RecordedCall, "title"> & { metadata: { name: string } };
  const method = call.method.replace(/^.*\//, "");
  const { type = metadata.name, name = "" } = call.request;
  return { ...call, file, plugin: metadata.name, method, title: `${file}:${line} ${method} ${type} ${name}`.trim() };
}

function once(calls: readonly RecordedCall[]): RecordedCall[] {
  const seen = new Set<string>();
  return calls.filter(({ plugin, method, request, response }) => {
    const key = JSON.stringify([plugin, method, request, response]);
    return !seen.has(key) && seen.add(key);
  });
}

/** What a call asks, in the words of the list of guesses. */
export function kindOf({ method, response }: RecordedCall): string {
  if (method !== "Diff") return method;
  if (response?.changes === "DIFF_NONE") return "Diff without a change";
  return response?.replaces === undefined ? "Diff in place" : "Diff that replaces";
}
