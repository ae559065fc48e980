/** One figure: ours against a reference that was measured in the same run, turn by turn. */
export interface Figure {
  readonly name: string;
  /** The median of ours. */
  readonly value: number;
  readonly unit: "ms" | "MB";
  /** The median of the reference, or the limit where the goal is one. */
  readonly reference: number;
  readonly ratio: number;
  /** The ratio must not be above it. */
  readonly goal: number;
  readonly ok: boolean;
}

/** The figure of two series that were measured in turn. */
export function figureOf(
  name: string,
  ours: readonly number[],
  reference: readonly number[],
  goal: number,
  unit: Figure["unit"] = "ms",
): Figure {
  const [value, against] = [median(ours), median(reference)];
  const ratio = Math.round((value / against) * 1_000) / 1_000;
  return { name, value, unit, reference: against, ratio, goal, ok: ratio <= goal };
}

/** The middle of a series, as a whole number. */
export function median(series: readonly number[]): number {
  const sorted = [...series].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [a = Number.NaN, b = Number.NaN] = [sorted[middle], sorted[sorted.length % 2 === 1 ? middle : middle - 1]];
  return Math.round((a + b) / 2);
}
