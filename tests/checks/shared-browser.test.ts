import assert from "node:assert/strict";
import type { Launched } from "../../checks/browser-launch";
import { sharedBrowser } from "../../checks/shared-browser";

describe("the browser that checks share", () => {
  /** Browsers that say what became of them, in the order in which they were started. */
  const launcher = (failures = 0) => {
    const told: string[] = [];
    const dead = new Set<number>();
    let started = 0;
    const launch = (): Promise<Launched> => {
      const mine = (started += 1);
      told.push(`${mine} starts`);
      if (mine <= failures) return Promise.reject(new Error(`no browser ${mine}`));
      const browser = {
        isConnected: () => !dead.has(mine),
        close: () => Promise.resolve(void told.push(`${mine} ends`)),
      };
      const clear = () => Promise.resolve(void told.push(`${mine} is cleared`));
      return Promise.resolve({ browser, sandboxed: true, clear } as unknown as Launched);
    };
    return { told, dead, launch };
  };

  it("is started at first use, once, whoever asks", async () => {
    const { told, launch } = launcher();
    const shared = sharedBrowser(launch);
    assert.deepEqual(told, []);
    const [one, other] = await Promise.all([shared.open(), shared.open()]);
    assert.equal(one, other);
    assert.equal(await shared.open(), one);
    await shared.close();
    assert.deepEqual(told, ["1 starts", "1 ends", "1 is cleared"]);
  });

  it("is another one after it has died, and what the dead one left is cleared", async () => {
    const { told, dead, launch } = launcher();
    const shared = sharedBrowser(launch);
    const first = await shared.open();
    dead.add(1);
    const [second, third] = await Promise.all([shared.open(), shared.open()]);
    assert.notEqual(second, first);
    assert.equal(second, third);
    await shared.close();
    assert.deepEqual([...told].sort(), ["1 ends", "1 is cleared", "1 starts", "2 ends", "2 is cleared", "2 starts"]);
  });

  it("is tried again after it did not start, and everybody who waited hears why", async () => {
    const { told, launch } = launcher(1);
    const shared = sharedBrowser(launch);
    const both = await Promise.allSettled([shared.open(), shared.open()]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    await assert.doesNotReject(shared.open());
    await shared.close();
    assert.deepEqual(told, ["1 starts", "2 starts", "2 ends", "2 is cleared"]);
  });

  it("ends without an error where it did not start: whoever asked for it heard why", async () => {
    const shared = sharedBrowser(launcher(1).launch);
    const opening = assert.rejects(shared.open(), /no browser 1/);
    await assert.doesNotReject(shared.close());
    await opening;
  });

  it("ends when it is asked to while it starts, and where there is none nothing happens", async () => {
    const { told, launch } = launcher();
    const shared = sharedBrowser(launch);
    const opening = shared.open();
    await shared.close();
    await opening;
    await shared.close();
    assert.deepEqual(told, ["1 starts", "1 ends", "1 is cleared"]);
  });
});
