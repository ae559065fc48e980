import { Worker } from "node:worker_threads";

/** How many lines a pattern finds, and the first of them; undefined where it finds none. */
export interface Found {
  readonly count: number;
  readonly first: string | undefined;
}

/** Less than a check waits, so that its words and not only its time are told. */
const patience = 3_000;

/** What the thread does; text, so that it needs no loader of TypeScript. */
const search = `
const { parentPort, workerData: { lines, pattern } } = require("node:worker_threads");
const expression = new RegExp(pattern, "u");
let count = 0, first;
for (const line of lines) {
  if (!expression.test(line)) continue;
  count += 1;
  first ??= line;
}
parentPort.postMessage({ count, first });`;

/**
 * Looks for a regular expression in lines that others wrote. An expression such as `(a+)+$` takes longer than anybody
 * waits for a line that is made for it, and nothing else of a thread goes on meanwhile: so it has a thread of its own.
 * @throws Error naming the expression when it takes longer than three seconds
 */
export async function searchLines(lines: readonly string[], pattern: string, signal: AbortSignal): Promise<Found> {
  if (lines.length === 0) return { count: 0, first: undefined };
  const worker = new Worker(search, { eval: true, workerData: { lines, pattern }, env: {}, execArgv: [] });
  let timer: NodeJS.Timeout | undefined;
  const late = new Error(`the regular expression ${pattern} takes too long on what was written; make it simpler`);
  try {
    return await new Promise<Found>((resolve, reject) => {
      const giveUp = (): void => {
        reject(late);
      };
      timer = setTimeout(giveUp, patience);
      signal.addEventListener("abort", giveUp, { once: true });
      worker.once("message", resolve).once("error", reject);
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
