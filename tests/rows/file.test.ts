import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkRowFile, inProject } from "../../rows/file";
import type { Table } from "../../release/schema/rows";

const table: Table = { key: "key", columns: { key: "text", value: "jsonb" } };
const line = (key: string, value: unknown) => `${JSON.stringify({ key, value })}\n`;

describe("a row file", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-rows-"));
    mkdirSync(join(folder, "rows"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const put = (content: string | Buffer) => {
    const path = join(folder, "rows", "a.jsonl");
    writeFileSync(path, content);
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const count = content.toString("latin1").split("\n").length - 1;
    return { path, pinned: { digest, count, file: "rows/a.jsonl" } };
  };
  const check = (content: string | Buffer, more: object = {}) => {
    const { path, pinned } = put(content);
    return checkRowFile(path, { ...pinned, ...more }, table);
  };

  it("passes when it is what was pinned, empty or longer than any buffer", async () => {
    await check("");
    await check(line("a", 1) + line("b", { text: "ü".repeat(300_000) }) + line("c", null));
    await check(Array.from({ length: 20_000 }, (_, n) => line(`k${n}`, "é😀")).join(""));
  });

  const refused: readonly [name: string, content: string | Buffer, message: RegExp, more?: object][] = [
    [
      "was cut off",
      line("a", 1) + line("b", 2).slice(0, -3),
      /^rows\/a\.jsonl line 2: cut off in the middle of a line$/,
    ],
    [
      "is a pointer of Git LFS",
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
      /^rows\/a\.jsonl is a pointer of Git LFS, not the file itself; fetch it with: git lfs pull$/,
    ],
    [
      "begins with a byte order mark",
      `\ufeff${line("a", 1)}`,
      /^rows\/a\.jsonl line 1: begins with a byte order mark$/,
    ],
    ["is Latin-1", Buffer.from(line("a", 1) + line("b", "ü"), "latin1"), /^rows\/a\.jsonl line 2: not UTF-8$/],
    ["is UTF-16", Buffer.from(line("a", 1), "utf16le"), /^rows\/a\.jsonl line 1: /],
    ["has an empty line", `${line("a", 1)}\n`, /^rows\/a\.jsonl line 2: expected a JSON object/],
    ["has a key twice", line("a", 1) + line("b", 1) + line("a", 2), /line 3: the key a stands in line 1 too$/],
    ["has another digest", line("a", 1), /it is not the file it was$/, { digest: `sha256:${"0".repeat(64)}` }],
    ["has another count", line("a", 1), /^rows\/a\.jsonl has 1 row, pinned are 2$/, { count: 2 }],
    ["has a row of another table", line("a", 1) + '{"key":"b"}\n', /^rows\/a\.jsonl line 2: value: expected a value/],
  ];
  for (const [name, content, message, more] of refused) {
    it(`is refused, with the line, when it ${name}`, async () => {
      await assert.rejects(check(content, more), (error: Error) => message.test(error.message) || assert.fail(error));
    });
  }

  it("is found inside the project alone", () => {
    put(line("a", 1));
    assert.ok(inProject(folder, "rows/a.jsonl").endsWith("a.jsonl"));
    const outside = join(folder, "..", `outside-${process.pid}.jsonl`);
    writeFileSync(outside, "");
    symlinkSync(outside, join(folder, "rows", "link.jsonl"));
    assert.throws(
      () => inProject(folder, "rows/link.jsonl"),
      /^RowFileError: rows\/link\.jsonl leads out of the project$/,
    );
    assert.throws(() => inProject(folder, "rows/none.jsonl"), /^RowFileError: no file rows\/none\.jsonl$/);
    assert.throws(() => inProject(folder, "rows"), /^RowFileError: rows is no file$/);
    rmSync(outside);
  });
});
