import assert from "node:assert/strict";
import { parseMounts } from "../../local/mounts";
import { candidateSubnets, chooseSubnet, parseRoutes } from "../../local/subnet";

describe("the engine's addresses", () => {
  it("are drawn from all of 10.64.0.0/10, each once", () => {
    const all = [...candidateSubnets("0a1b2c")];
    assert.equal(new Set(all.map(({ gateway }) => gateway)).size, 1024);
    for (const { gateway, pool } of all) {
      assert.match(gateway, /^10\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.1$/);
      assert.match(pool, /^10\.\d+\.\d+\.0\/21$/);
    }
  });

  it("differ from clone to clone and stay the same for one", () => {
    assert.deepEqual(chooseSubnet("0a1b2c", []), chooseSubnet("0a1b2c", []));
    assert.notDeepEqual(chooseSubnet("0a1b2c", []), chooseSubnet("d4e5f6", []));
  });

  it("keep clear of what the host has already", () => {
    const [first, second] = candidateSubnets("0a1b2c");
    assert.ok(first !== undefined && second !== undefined);
    const { gateway } = chooseSubnet("0a1b2c", [{ first: first.first + 300, last: first.first + 300 }]);
    assert.equal(gateway, second.gateway);
    assert.throws(() => chooseSubnet("0a1b2c", [{ first: 0, last: 2 ** 32 - 1 }]), /free/);
  });

  it("are checked against Linux's routing table, the default route left out", () => {
    const table = [
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
      "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0",
      "tun0\t0000400A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
    ].join("\n");
    const first = 10 * 2 ** 24 + 64 * 2 ** 16;
    assert.deepEqual(parseRoutes(`${table}\n`), [{ first, last: first + 65_535 }]);
  });
});

describe("mount points", () => {
  it("come last mounted first, with their real names", () => {
    const mountinfo = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:5 / /a\\040b rw shared:1 - overlay none rw\n";
    assert.deepEqual(parseMounts(mountinfo), ["/a b", "/"]);
  });
});
