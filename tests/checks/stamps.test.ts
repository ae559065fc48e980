import assert from "node:assert/strict";
import fc from "fast-check";
import { lookedAtFrom } from "../../checks/stamps";

const now = new Date("2025-09-17T20:00:00.000Z");

describe("the time from which stamps are looked at", () => {
  it("is the latest of what the check says and of when the pin was applied", () => {
    const pinned = "2025-09-17T19:50:00.000Z";
    assert.equal(lookedAtFrom({}, undefined, now), undefined);
    assert.equal(lookedAtFrom({}, pinned, now), pinned);
    assert.equal(lookedAtFrom({ since: "2025-09-17T21:00:00+02:00" }, undefined, now), "2025-09-17T19:00:00.000Z");
    assert.equal(lookedAtFrom({ since: "2025-09-17T19:00:00Z", within: "1h" }, pinned, now), pinned);
    assert.equal(lookedAtFrom({ within: "5m" }, pinned, now), "2025-09-17T19:55:00.000Z");
    assert.equal(lookedAtFrom({ grace: "2m" }, pinned, now), "2025-09-17T19:52:00.000Z");
  });

  it("is never before the pin was applied, whatever the check says", () => {
    const time = fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true });
    fc.assert(
      fc.property(time, time, fc.option(fc.integer({ min: 1, max: 999 })), (pinned, since, minutes) => {
        const within = minutes === null ? {} : { within: `${minutes}m` };
        const from = lookedAtFrom({ since: since.toISOString(), ...within }, pinned.toISOString(), now);
        assert.ok(Date.parse(from ?? "") >= pinned.getTime());
      }),
    );
  });
});
