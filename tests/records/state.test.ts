import assert from "node:assert/strict";
import type { Entry, Hold, Intent, Outcome, Snapshot } from "../../records/entry";
import {
  deployments,
  expectedStates,
  holds,
  lastUnfinished,
  lastVerified,
  pinnedSince,
  rehearsedIn,
} from "../../records/state";
import type { Result } from "../../release/verdict";

const written = (id: string) => ({ version: 1 as const, id, at: "2025-09-17T19:54:16Z", stack: "prod", by: "me@here" });
const digest = `sha256:${"a".repeat(64)}`;

/** Each intent leaves one row behind that carries its id. */
const snapshot = (id: string): Snapshot => ({ rows: { t: { row: id } }, policies: {} });
const intent = (id: string, release = id): Intent => ({
  ...written(id),
  kind: "intent",
  to: { release, digest, pins: {}, surroundings: digest },
  snapshot: snapshot(id),
});
const outcome = (of: string, result: Result): Outcome => ({
  ...written(`${of}-outcome`),
  kind: "outcome",
  of,
  result,
  checks: [],
  milliseconds: 1,
});
const hold = (kind: "hold" | "unhold", release: string, reason: string): Hold => ({
  ...written(`${kind}-${release}`),
  kind,
  release,
  reason,
});

describe("the deployments of a log", () => {
  it("are its intents, each with its outcome, whatever stands between them", () => {
    const entries: Entry[] = [
      intent("a"),
      hold("hold", "v9", "broken"),
      outcome("a", "passed"),
      intent("b"),
      intent("c"),
      outcome("c", "failed"),
    ];
    const found = deployments(entries).map((each) => [each.intent.id, each.outcome?.result]);
    assert.deepEqual(found, [
      ["a", "passed"],
      ["b", undefined],
      ["c", "failed"],
    ]);
  });

  it("have the later outcome when an entry was verified anew", () => {
    const entries = [intent("a"), outcome("a", "failed"), outcome("a", "passed")];
    assert.equal(deployments(entries)[0]?.outcome?.result, "passed");
  });

  it("ignore an outcome of nothing", () => {
    assert.deepEqual(deployments([outcome("lost", "passed")]), []);
  });
});

describe("the deployment that ended half-way last", () => {
  const failed = [intent("a"), outcome("a", "passed"), intent("b"), outcome("b", "error")];

  it("is the newest that did not pass, one without an outcome too", () => {
    assert.equal(lastUnfinished(failed)?.intent.id, "b");
    assert.equal(lastUnfinished([...failed, intent("c")])?.intent.id, "c");
    assert.equal(lastUnfinished([intent("a"), outcome("a", "passed")]), undefined);
  });

  it("stays the same when later ones pass, so that what goes by it is done again once", () => {
    assert.equal(lastUnfinished([...failed, intent("c"), outcome("c", "passed")])?.intent.id, "b");
  });
});

describe("the time since which a release is pinned", () => {
  const at = (entry: Intent, at: string): Intent => ({ ...entry, at });

  it("is that of the first of the last deployments that pin the same", () => {
    const toggled = { ...intent("c", "v2"), to: { ...intent("c", "v2").to, toggles: { ON: true } } };
    const entries = [at(intent("a", "v1"), "1"), at(intent("b", "v2"), "2"), at(toggled, "3")];
    assert.equal(pinnedSince(entries), "2");
    assert.equal(pinnedSince([...entries, at(intent("d", "v1"), "4")]), "4");
    assert.equal(pinnedSince([...entries, at(intent("d", "v1"), "4"), at(intent("e", "v2"), "5")]), "5");
    assert.equal(pinnedSince(entries.slice(0, 1)), "1");
    assert.equal(pinnedSince([]), undefined);
  });

  it("begins anew with what is pinned apart", () => {
    const apart = { ...intent("b", "v1"), to: { ...intent("b", "v1").to, pins: { config: "v2" } } };
    assert.equal(pinnedSince([at(intent("a", "v1"), "1"), at(apart, "2")]), "2");
  });
});

describe("the deployment that was verified last", () => {
  it("is none before the first that passed", () => {
    assert.equal(lastVerified([]), undefined);
    assert.equal(
      lastVerified([intent("a"), outcome("a", "failed"), intent("b"), outcome("b", "inconclusive")]),
      undefined,
    );
  });

  it("is the newest that passed, whatever failed or was interrupted since", () => {
    const entries = [
      intent("a"),
      outcome("a", "passed"),
      intent("b"),
      outcome("b", "passed"),
      intent("c"),
      outcome("c", "error"),
      intent("d"),
    ];
    assert.equal(lastVerified(entries)?.intent.id, "b");
  });
});

describe("holds", () => {
  it("last until they are lifted, each with its newest reason", () => {
    const entries = [
      hold("hold", "v1", "first"),
      hold("hold", "v1", "second"),
      hold("hold", "v2", "other"),
      hold("unhold", "v2", "fixed"),
    ];
    assert.deepEqual(
      [...holds(entries)].map(([release, { reason }]) => [release, reason]),
      [["v1", "second"]],
    );
  });

  it("can be set again after they were lifted", () => {
    const entries = [hold("hold", "v1", "a"), hold("unhold", "v1", "b"), hold("hold", "v1", "c")];
    assert.equal(holds(entries).get("v1")?.reason, "c");
  });

  it("are not lifted where there are none", () => {
    assert.equal(holds([hold("unhold", "v1", "why not")]).size, 0);
  });
});

describe("the states in which a stack may stand", () => {
  const states = (entries: readonly Entry[]) => expectedStates(entries).map(({ rows }) => rows?.t?.row);

  it("are none before the first verified deployment", () => {
    assert.deepEqual(states([]), []);
    assert.deepEqual(states([intent("a"), outcome("a", "failed")]), []);
  });

  it("are just the last one when it was verified", () => {
    assert.deepEqual(states([intent("a"), outcome("a", "passed"), intent("b"), outcome("b", "passed")]), ["b"]);
  });

  it("are also those of every update since that failed or was interrupted", () => {
    const entries = [intent("a"), outcome("a", "passed"), intent("b"), outcome("b", "failed"), intent("c")];
    assert.deepEqual(states(entries), ["a", "b", "c"]);
  });

  it("forget what was interrupted once a later update was verified", () => {
    const entries = [intent("a"), outcome("a", "passed"), intent("b"), intent("c"), outcome("c", "passed")];
    assert.deepEqual(states(entries), ["c"]);
  });
});

describe("what was rehearsed", () => {
  const down = { name: "0002_names", direction: "down", digest } as const;

  it("W5 · is what ran in deployments that passed, and nothing of those that did not", () => {
    const ran = (id: string): Intent => ({ ...intent(id), migrations: [{ ...down, name: id }] });
    const entries = [ran("a"), outcome("a", "passed"), ran("b"), outcome("b", "failed"), ran("c")];
    assert.deepEqual(
      rehearsedIn(entries).map(({ name }) => name),
      ["a"],
    );
  });

  it("is nothing in a log from before migrations were noted", () => {
    assert.deepEqual(rehearsedIn([intent("a"), outcome("a", "passed")]), []);
  });
});
