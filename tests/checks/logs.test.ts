import assert from "node:assert/strict";
import fc from "fast-check";
import { measureLogs, textOf } from "../../checks/logs";

const frame = (stream: number, text: string): Buffer => {
  const body = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
};
const source = (text: string) => ({
  asked: {} as { since?: number },
  logs(options: object) {
    this.asked = options;
    return Promise.resolve(frame(1, text)) as never;
  },
});
const definition = { of: "functions/score", without: '"level":"error"' };

describe("the logs of a container", () => {
  it("are read frame by frame, whatever was written into which stream", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(1, 2), fc.string({ unit: "grapheme" }))), (writes) => {
        const raw = Buffer.concat(writes.map(([stream, text]) => frame(stream, text)));
        assert.equal(textOf(raw), writes.map(([, text]) => text).join(""));
      }),
    );
  });

  it("are read as they are where the container has a terminal", () => {
    assert.equal(textOf(Buffer.from("listening\n")), "listening\n");
  });

  it("S12 · fail on a line that the stack does not want to see, which is the evidence", async () => {
    const bad = source('{"level":"info"}\n{"level":"error","event":"score"}\n');
    const seen = await measureLogs(bad, definition, undefined);
    assert.deepEqual(seen, {
      result: "failed",
      evidence: '1 of 2 lines of functions/score: {"level":"error","event":"score"}',
    });
    const good = await measureLogs(source('{"level":"info"}\n'), definition, undefined);
    assert.equal(good.result, "passed");
  });

  it("count since the release was applied", async () => {
    const container = source("");
    await measureLogs(container, definition, "2026-11-21T13:02:07.900Z");
    assert.equal(container.asked.since, Date.parse("2026-11-21T13:02:07.000Z") / 1_000);
  });
});
