import assert from "node:assert/strict";
import fc from "fast-check";
import { dialOf, routeOf, withRoute, type ProxyRoute } from "../../checks/proxy";

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

describe("all routes of a proxy with one of them new", () => {
  const shape = fc.record(
    { hosts: fc.constant(["a.example"]), paths: fc.constant(["/v1/*"]), port: fc.integer({ min: 1, max: 9 }) },
    { requiredKeys: ["port"] },
  );
  interface Taken {
    port: number;
    hosts?: readonly string[];
    paths?: readonly string[];
  }
  const made = (id: string, { port, ...taken }: Taken): ProxyRoute =>
    routeOf({ id, dial: `127.0.0.1:${port}`, ...taken });
  const width = ({ match }: ProxyRoute): number =>
    match === undefined ? 2 : JSON.stringify(match).includes('"path"') ? 0 : 1;

  it("stand by how much they take, whatever came first, each once and as it was put last", () => {
    const puts = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), shape), { maxLength: 12 });
    fc.assert(
      fc.property(puts, (each) => {
        const routes = each.reduce<ProxyRoute[]>((there, [id, taken]) => withRoute(there, id, made(id, taken)), []);
        const widths = routes.map(width);
        assert.deepEqual(widths, widths.toSorted());
        const last = new Map<string, ProxyRoute>(each.map(([id, taken]) => [id, made(id, taken)]));
        assert.equal(routes.length, last.size);
        for (const route of routes) assert.deepEqual(route, last.get(String(route["@id"])));
      }),
    );
  });

  it("leaves the routes of others where they are, and its own too where it takes no more than before", () => {
    const foreign = { match: [{ path: ["/old/*"] }], handle: [] };
    const routes = [made("a", { port: 1, paths: ["/v1/*"] }), foreign, { handle: [] }];
    const moved = withRoute(routes, "a", made("a", { port: 2, paths: ["/v1/*"] }));
    assert.deepEqual(moved.slice(1), routes.slice(1));
    assert.equal(dialOf(moved[0]), "127.0.0.1:2");
    assert.deepEqual(withRoute(moved, "b", made("b", { port: 3 })).at(-1)?.["@id"], "b");
  });
});
