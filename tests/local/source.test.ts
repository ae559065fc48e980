import assert from "node:assert/strict";
import { type Candidate, firstOf, type Offer, PartUnavailable, type Source } from "../../local/source";

describe("the sources of a part", () => {
  const asked: Source[] = [];
  const candidate = (source: Source, offer: Offer<string> | Error): Candidate<string> => ({
    source,
    find: () => {
      asked.push(source);
      return offer instanceof Error ? Promise.reject(offer) : Promise.resolve(offer);
    },
  });
  beforeEach(() => {
    asked.length = 0;
  });

  it("are asked in their order, and none after the one that has it", async () => {
    const places = [
      candidate("machine", { lacks: "not here" }),
      candidate("image", { found: "an image" }),
      candidate("debian", { found: "a package" }),
    ];
    assert.deepEqual(await firstOf("redis", places), { source: "image", found: "an image" });
    assert.deepEqual(asked, ["machine", "image"]);
  });

  it("that break are passed over like those that have nothing", async () => {
    const places = [candidate("vendor", new Error("503")), candidate("built", { found: "it" })];
    assert.equal((await firstOf("pulumi", places)).source, "built");
  });

  it("that all have nothing end in one sentence with every reason and one command", async () => {
    const places = [
      candidate("machine", { lacks: "redis-server is not on the PATH" }),
      candidate("image", new Error("Docker Hub answers 429")),
      candidate("debian", { lacks: "only root may install", command: "sudo apt-get install redis-server" }),
    ];
    await assert.rejects(firstOf("redis", places), (error) => {
      assert.ok(error instanceof PartUnavailable);
      assert.equal(error.part, "redis");
      assert.equal(error.command, "sudo apt-get install redis-server");
      assert.equal(
        error.message,
        "redis cannot be had here: redis-server is not on the PATH; Docker Hub answers 429; only root may install." +
          " Type: sudo apt-get install redis-server",
      );
      return true;
    });
  });

  it("are not asked any more once the user has had enough", async () => {
    const abort = new AbortController();
    const interrupted: Candidate<string> = {
      source: "built",
      find: () => {
        abort.abort();
        return Promise.reject(new Error("go build ended with SIGINT"));
      },
    };
    await assert.rejects(firstOf("pulumi", [interrupted, candidate("ours", { found: "it" })], abort.signal), {
      name: "AbortError",
    });
    assert.deepEqual(asked, []);
  });
});
