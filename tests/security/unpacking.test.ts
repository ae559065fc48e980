import assert from "node:assert/strict";
import * as zlib from "node:zlib";
import { updatesIn } from "../../cli/updates";
import { refusalOf } from "./backup-stack";

const piece = Buffer.alloc(16 * 1024 * 1024);
const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer };

describe("a file of the engine's past that unpacks to more than a machine has", () => {
  const packed: Readonly<Record<string, Buffer | undefined>> = {
    gz: Buffer.concat(Array.from({ length: 40 }, () => zlib.gzipSync(piece))),
    zst: zstdCompressSync?.(Buffer.alloc(257 * 1024 * 1024)),
  };
  for (const [kind, bytes] of Object.entries(packed)) {
    it(`SEC-L10 · is refused as .${kind}, and no more of it is unpacked than is allowed`, async function () {
      if (bytes === undefined) return this.skip();
      this.timeout(20_000);
      const read = (path: string) => Promise.resolve(path.endsWith(`.checkpoint.json.${kind}`) ? bytes : undefined);
      const files = { names: () => Promise.resolve([]), read, close: () => Promise.resolve() };
      const before = process.memoryUsage().rss;
      const refusal = await refusalOf(() => updatesIn(files, "here", "rewind", "prod").checkpoint({ id: "prod-1" }));
      assert.match(refusal.message, /cannot be unpacked: it unpacks to more than 268435456 bytes$/);
      assert.ok(process.memoryUsage().rss - before < 600 * 1024 * 1024);
    });
  }
});
