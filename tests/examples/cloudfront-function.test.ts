import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";

interface Answer {
  readonly uri?: string;
  readonly statusCode?: number;
  readonly querystring?: object;
}

const build = "a".repeat(64);

/** The function as CloudFront runs it: its one import is the edge's own. */
function handlerWith(get: (key: string) => Promise<string>): (event: object) => Promise<Answer> {
  const file = join(__dirname, "../../examples/scoring/frontend/cloudfront-function.js");
  const source = readFileSync(file, "utf8").replace('import cf from "cloudfront";', "");
  return runInNewContext(`${source}; handler`, { cf: { kvs: () => ({ get }) } }) as (event: object) => Promise<Answer>;
}

const asked: string[] = [];
const handler = handlerWith((key) => {
  asked.push(key);
  return Promise.resolve(build);
});
const request = (uri: string, method = "GET") => ({
  request: { uri, method, querystring: { "list-type": {} }, headers: {} },
});

describe("the function at CloudFront's edge", () => {
  it("W2 · maps a file to the current build, and every page of the app to its document", async () => {
    const mapped = async (uri: string) => (await handler(request(uri))).uri;
    assert.equal(await mapped("/assets/app-1.js"), `/builds/${build}/files/assets/app-1.js`);
    for (const page of ["/", "/tasks", "/documents/7", "/assistant/"]) {
      assert.equal(await mapped(page), `/builds/${build}/files/index.html`, page);
    }
    assert.deepEqual(new Set(asked), new Set(["web"]));
  });

  it("passes on no query and no method that could change or list something", async () => {
    assert.equal(JSON.stringify((await handler(request("/tasks"))).querystring), "{}");
    for (const method of ["POST", "PUT", "DELETE"]) {
      assert.equal((await handler(request("/tasks", method))).statusCode, 405, method);
    }
  });

  it("leaves the build's folder for nobody", async () => {
    for (const uri of ["/../../secret.txt", "/a/../b.js", "/%2e%2e/x.js", "/a b.js", "/\\x.js"]) {
      assert.equal((await handler(request(uri))).statusCode, 404, uri);
    }
  });

  it("answers 503 when it does not know the build", async () => {
    const [none, broken] = [
      handlerWith(() => Promise.reject(new Error("no such key"))),
      handlerWith(() => Promise.resolve("../x")),
    ];
    assert.equal((await none(request("/tasks"))).statusCode, 503);
    assert.equal((await broken(request("/tasks"))).statusCode, 503);
  });
});
