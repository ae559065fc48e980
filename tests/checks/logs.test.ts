import assert from "node:assert/strict";
import fc from "fast-check";
import { linesIn, measureLogs, type LogQuery, type LogSource } from "../../checks/logs";

const frame = (stream: number, text: string): Buffer => {
  const body = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
};

/** What an engine sends, in pieces of at most `size` bytes. */
async function* pieces(raw: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < raw.length; at += size) yield await Promise.resolve(raw.subarray(at, at + size));
}

async function linesOf(raw: Buffer, size = raw.length): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesIn(pieces(raw, Math.max(size, 1)))) lines.push(line);
  return lines;
}

const source =
  (text: string): LogSource =>
  () =>
    Promise.resolve(pieces(frame(1, text), 7));
const definition = { of: "functions/score", without: '"level":"error"' };
const measure = (from: LogSource, of = definition, since?: string) =>
  measureLogs(from, of, since, AbortSignal.timeout(20_000));

describe("the logs of a container", () => {
  it("are read frame by frame, whatever was written into which stream and however it arrives", async () => {
    const writes = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.string({ unit: "grapheme" })));
    await fc.assert(
      fc.asyncProperty(writes, fc.integer({ min: 1, max: 40 }), async (written, size) => {
        const raw = Buffer.concat(written.map(([stream, text]) => frame(stream, text)));
        const text = written.map(([, each]) => each).join("");
        assert.deepEqual(
          await linesOf(raw, size),
          text.split("\n").filter((line) => line !== ""),
        );
      }),
    );
  });

  it("are read as they are where the container has a terminal", async () => {
    for (const size of [1, 3, 100])
      assert.deepEqual(await linesOf(Buffer.from("listening\nit\n"), size), ["listening", "it"]);
  });

  it("S12 · fail on a line that the stack does not want to see, which is the evidence", async () => {
    const bad = source('{"level":"info"}\n{"level":"error","event":"score"}\n');
    assert.deepEqual(await measure(bad), {
      result: "failed",
      evidence: '1 of 2 lines of functions/score: {"level":"error","event":"score"}',
    });
    assert.equal((await measure(source('{"level":"info"}\n'))).result, "passed");
  });

  it("count since the release was applied", async () => {
    let asked: LogQuery | undefined;
    const container: LogSource = (query) => {
      asked = query;
      return Promise.resolve(pieces(Buffer.alloc(0), 1));
    };
    await measure(container, definition, "2026-11-21T13:02:07.900Z");
    assert.equal(asked?.since, Date.parse("2026-11-21T13:02:07.000Z") / 1_000);
  });
});
