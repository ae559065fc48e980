import assert from "node:assert/strict";
import fc from "fast-check";
import { changedRecords, describeRecord, recordsOf } from "../../release/records";
import { selectPinned } from "../../release/pinned";
import type { Release } from "../../release/schema/release";
import { loadReal } from "./stack-files";
import { release, reordered } from "./arbitraries";

const { environment } = loadReal("prod").settings;
const settingsOf = (records: Record<string, Release>) => {
  const releases = new Map(Object.entries(records));
  return { environment, releases, pinned: selectPinned("a", {}, releases) };
};

describe("the record of a release that was applied", () => {
  it("is the same whatever the order of its keys", () => {
    fc.assert(
      fc.property(release, (a) => {
        const applied = new Map(Object.entries(recordsOf(settingsOf({ a }))));
        assert.deepEqual(changedRecords(settingsOf({ a: reordered(a) as Release }), applied), []);
      }),
    );
  });

  it("is refused when anything in it changed, with both digests and what to do", () => {
    fc.assert(
      fc.property(release, fc.string({ minLength: 1 }), (a, description) => {
        const before = recordsOf(settingsOf({ a }));
        const after = settingsOf({ a: { ...a, description } });
        const [changed] = changedRecords(after, new Map(Object.entries(before)));
        assert.deepEqual(changed, { release: "a", applied: before.a, now: recordsOf(after).a });
        assert.match(describeRecord(changed), /applied as sha256:.* is now sha256:.*rewind release add <id> --from a/);
      }),
    );
  });

  it("may change on a developer's machine, where images are built again", () => {
    const after = {
      ...settingsOf({ a: { description: "new" } }),
      environment: { ...environment, kind: "local" as const },
    };
    assert.deepEqual(changedRecords(after, new Map([["a", `sha256:${"0".repeat(64)}`]])), []);
  });
});
