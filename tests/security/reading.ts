import { parentPort, workerData } from "node:worker_threads";
import fc from "fast-check";
import { archiveSample, readArchive, readers } from "./readers";

/** What a thread of its own is to read, and where it says how far it came. */
export interface Task {
  readonly reader: string;
  readonly seed: number;
  readonly inputs: number;
  readonly done: SharedArrayBuffer;
}

/** The reader whose work is not done when it returns. */
export const archiveReader = "a sealed backup's archive";

const deep = ["[", '{"a":', "(", "/*", "- ", "<<: *a\n", "$a$", "((", "{{"];
const odd = [
  "\0",
  "\ufeff",
  "\ud800",
  "\u2028",
  "9".repeat(400),
  "1e999999",
  "__proto__",
  "constructor",
  "\\u0000",
  "\r\n",
  "\t",
  "'",
  '"',
  "`",
  "*a",
  "&a ",
  "!!js/function ",
  "${",
  "%00",
];

/** A sample that somebody has laid hands on: cut, doubled, overwritten, spliced, nested. Small as a text, large in effect. */
const changed = (samples: readonly Buffer[]): fc.Arbitrary<Buffer> => {
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const at = (bytes: Buffer, where: number): number => Math.floor(where * bytes.length);
  const splice = (bytes: Buffer, where: number, what: Buffer | string): Buffer =>
    Buffer.concat([bytes.subarray(0, at(bytes, where)), Buffer.from(what as string), bytes.subarray(at(bytes, where))]);
  const change: fc.Arbitrary<(bytes: Buffer) => Buffer> = fc.oneof(
    place.map((end) => (bytes: Buffer) => bytes.subarray(0, at(bytes, end))),
    fc.tuple(place, fc.uint8Array({ maxLength: 8 })).map(
      ([where, what]) =>
        (bytes: Buffer) =>
          splice(bytes, where, Buffer.from(what)),
    ),
    fc.tuple(place, fc.constantFrom(...odd)).map(
      ([where, what]) =>
        (bytes: Buffer) =>
          splice(bytes, where, what),
    ),
    fc.tuple(place, place).map(
      ([from, to]) =>
        (bytes: Buffer) =>
          splice(bytes, to, bytes.subarray(at(bytes, Math.min(from, to)), at(bytes, Math.max(from, to)))),
    ),
    fc.tuple(place, place).map(
      ([from, to]) =>
        (bytes: Buffer) =>
          Buffer.concat([
            bytes.subarray(0, at(bytes, Math.min(from, to))),
            bytes.subarray(at(bytes, Math.max(from, to))),
          ]),
    ),
    fc.tuple(place, fc.constantFrom(...deep), fc.constantFrom(10, 1_000, 20_000)).map(
      ([where, what, times]) =>
        (bytes: Buffer) =>
          splice(bytes, where, what.repeat(times)),
    ),
    fc.tuple(place, fc.integer({ min: 0, max: 255 })).map(([where, byte]) => (bytes: Buffer) => {
      const other = Buffer.from(bytes);
      if (other.length > 0) other[Math.min(at(bytes, where), other.length - 1)] = byte;
      return other;
    }),
  );
  return fc
    .tuple(fc.constantFrom(...samples, Buffer.alloc(0)), fc.array(change, { minLength: 0, maxLength: 4 }))
    .map(([sample, changes]) => changes.reduce((bytes, each) => each(bytes), sample).subarray(0, 1 << 20));
};

/** Errors that a reader throws because it is wrong itself, not because of what it read. */
const blunders = [RangeError, TypeError, ReferenceError, SyntaxError, EvalError];

function judge(error: unknown): void {
  if (!(error instanceof Error)) throw new Error(`threw ${typeof error}`);
  if (blunders.some((each) => error instanceof each)) throw error;
  if (error.message.length > 5_000) throw new Error(`a message of ${error.message.length} characters`);
}

async function run({ reader, seed, inputs, done }: Task): Promise<void> {
  const count = new Int32Array(done);
  const options = { seed, numRuns: inputs, endOnFailure: true };
  if (reader === archiveReader) {
    const samples = [await archiveSample()];
    await fc.assert(
      fc.asyncProperty(changed(samples), async (bytes) => {
        Atomics.add(count, 0, 1);
        await readArchive(bytes).catch(judge);
      }),
      options,
    );
    return;
  }
  const found = readers()[reader];
  if (found === undefined) throw new Error(`no reader ${reader}`);
  fc.assert(
    fc.property(changed(found.samples), (bytes) => {
      Atomics.add(count, 0, 1);
      try {
        found.read(bytes);
      } catch (error) {
        judge(error);
      }
    }),
    options,
  );
}

if (parentPort !== null) {
  const port = parentPort;
  run(workerData as Task).then(
    () => {
      port.postMessage("read");
    },
    (error: unknown) => {
      const { message, cause } = error as Error;
      port.postMessage(`${String(cause)}\n${message.slice(0, 1_000)}`);
    },
  );
}
