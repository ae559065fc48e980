import { textOf, isBag, type Bag, type Value } from "../schema";

/** `[{label, value}]` as the engine's map of labels. */
export function labelMap(labels: Value | undefined): Record<string, string> {
  const pairs = (Array.isArray(labels) ? labels : []).filter(isBag);
  return Object.fromEntries(pairs.map(({ label, value }) => [textOf(label), textOf(value)]));
}

/** The engine's map of labels as `[{label, value}]`, in order. */
export function labelList(labels: Record<string, string> | null | undefined): Value[] {
  return Object.entries(labels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, value]) => ({ label, value }));
}

/** A map of texts, whatever the engine sent. */
export function texts(value: unknown): Bag {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, String(part)]));
}

/** The elements of a list of plain values as texts; an unknown or missing one has none. */
export function words(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

const units: Readonly<Record<string, number>> = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, µs: 1e3, ns: 1 };

/** Nanoseconds of a duration such as `1m30s`; an error shows the text and an example. */
export function nanoseconds(duration: string): number {
  if (duration === "0" || duration === "") return 0;
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)/g)];
  if (parts.map(([part]) => part).join("") !== duration) {
    throw new Error(`duration "${duration}": expected a number and a unit, such as 500ms, 30s or 1m30s`);
  }
  return Math.round(parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ""] ?? 0), 0));
}

/** The duration as upstream prints it: 60e9 becomes `1m0s`, 1.5e9 `1.5s`, 5e8 `500ms`. */
export function durationText(amount: number): string {
  if (amount === 0) return "0s";
  for (const [unit, size] of [
    ["ns", 1],
    ["µs", 1e3],
    ["ms", 1e6],
  ] as const) {
    if (amount < size * 1000) return `${trimmed(amount / size)}${unit}`;
  }
  const hours = Math.floor(amount / 3600e9);
  const minutes = Math.floor((amount % 3600e9) / 60e9);
  const seconds = `${trimmed((amount % 60e9) / 1e9)}s`;
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}`;
}

function trimmed(amount: number): string {
  return String(Number(amount.toFixed(9)));
}
