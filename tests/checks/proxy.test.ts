import assert from "node:assert/strict";
import { dialOf, routeOf } from "../../checks/proxy";

const dial = "127.0.0.1:32768";

describe("a route in the proxy's own form", () => {
  it("takes everything, unless hosts or paths are said", () => {
    assert.equal(routeOf({ id: "r", dial }).match, undefined);
    const { match } = routeOf({ id: "r", dial, hosts: ["a.example"], paths: ["/v1/*"] });
    assert.deepEqual(match, [{ host: ["a.example"], path: ["/v1/*"] }]);
  });

  it("says where it leads, with a guard before it or without one", () => {
    assert.equal(dialOf(routeOf({ id: "r", dial })), dial);
    assert.equal(dialOf(routeOf({ id: "r", dial, allow: ["10.0.0.0/8"] })), dial);
    assert.equal(dialOf(undefined), undefined);
  });

  it("W4 · shuts out everyone who is not named, and everyone where nobody is", () => {
    const guarded = JSON.stringify(routeOf({ id: "r", dial, allow: ["10.0.0.0/8"] }));
    assert.match(guarded, /"not":\[\{"remote_ip":\{"ranges":\["10\.0\.0\.0\/8"\]/);
    const shut = JSON.stringify(routeOf({ id: "r", dial, allow: [] }));
    assert.ok(!shut.includes("remote_ip") && shut.indexOf("403") < shut.indexOf("reverse_proxy"));
  });
});
