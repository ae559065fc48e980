import assert from "node:assert/strict";
import type { Entry, Hold, Intent, Outcome, RollbackBegun, RollbackEnded, Snapshot, Stop } from "../../records/entry";
import {
  deployments,
  endedEarly,
  expectedStates,
  holds,
  isJudged,
  knownGood,
  lastUnfinished,
  lastVerified,
  measuredRuns,
  openRollback,
  pinnedSince,
  rehearsedIn,
  rollbacks,
  stopped,
  unfinishedRollback,
  unproven,
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

const begun = (id: string, level: "fast" | "full" = "full"): RollbackBegun => ({
  ...written(id),
  kind: "rollback",
  from: "v2",
  to: "v1",
  level,
  plan: digest,
  before: { release: "v2", pins: {} },
  ran: { release: "v2", pins: {} },
  runner: { host: "here", pid: 1 },
});
const ended = (of: string, result: RollbackEnded["result"], milliseconds = 1): RollbackEnded => ({
  ...written(`${of}-end`),
  kind: "rollback-end",
  of,
  result,
  milliseconds,
  parts: {},
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

describe("the known-good releases", () => {
  const names = (entries: readonly Entry[]) => knownGood(entries).map(({ release }) => release);

  it("G2 · are those that passed, the one that passed last first, each once", () => {
    const entries = ["a", "b", "c", "a2"].flatMap((id) => [intent(id, id.slice(0, 1)), outcome(id, "passed")]);
    assert.deepEqual(names(entries), ["a", "c", "b"]);
    assert.equal(knownGood(entries)[0]?.times, 2);
    assert.equal(knownGood(entries)[0]?.entry, "a2");
  });

  it("G9 · are none that failed, were interrupted, or broke their probe", () => {
    const entries = [intent("a"), outcome("a", "failed"), intent("b"), intent("c"), outcome("c", "error")];
    assert.deepEqual(names(entries), []);
  });

  it("are none that are on hold, and are again when the hold is lifted", () => {
    const entries: Entry[] = [intent("a"), outcome("a", "passed"), hold("hold", "a", "leaks")];
    assert.deepEqual(names(entries), []);
    assert.deepEqual(names([...entries, hold("unhold", "a", "mended")]), ["a"]);
  });

  it("are none of which something was pinned apart", () => {
    const apart = { ...intent("a"), to: { ...intent("a").to, pins: { config: "b" } } };
    assert.deepEqual(names([apart, outcome("a", "passed")]), []);
  });
});

describe("the releases that never passed", () => {
  const sources = { "services/api": "a", "functions/score": "b" };

  it("are all that a pin takes something from, on a new stack", () => {
    assert.deepEqual(unproven([], { release: "a", sources }), ["a", "b"]);
  });

  it("are none that passed once, and none that are on hold already", () => {
    assert.deepEqual(unproven([intent("a"), outcome("a", "passed")], { release: "a", sources }), ["b"]);
    assert.deepEqual(unproven([hold("hold", "b", "broken")], { release: "a", sources }), ["a"]);
  });
});

describe("an emergency stop", () => {
  const stop = (kind: "stop" | "start", reason: string): Stop => ({ ...written(reason), kind, reason });

  it("L3 · holds from its entry until someone starts the stack again", () => {
    assert.equal(stopped([intent("a")]), undefined);
    assert.equal(stopped([stop("stop", "corrupt"), intent("a")])?.reason, "corrupt");
    assert.equal(stopped([stop("stop", "corrupt"), stop("start", "mended")]), undefined);
  });
});

describe("the rollbacks of a log", () => {
  it("are open until their end is written, and the first of several open ones goes on", () => {
    const entries = [begun("r1"), ended("r1", "passed"), begun("r2"), begun("r3")];
    assert.deepEqual(
      rollbacks(entries).map(({ begun, ended }) => [begun.id, ended?.result]),
      [
        ["r1", "passed"],
        ["r2", undefined],
        ["r3", undefined],
      ],
    );
    assert.equal(openRollback(entries)?.id, "r2");
    assert.equal(openRollback([...entries, ended("r2", "refused"), ended("r3", "aborted")]), undefined);
  });

  it("wait for somebody while they are open, and where they ended unfinished until their update is verified or another made", () => {
    const open = [begun("r1"), { ...intent("a"), rollback: "r1" }];
    assert.equal(unfinishedRollback(open)?.begun.id, "r1");
    const unfinished = [...open, ended("r1", "unfinished")];
    assert.equal(unfinishedRollback(unfinished)?.ended?.result, "unfinished");
    for (const later of [outcome("a", "passed"), intent("b")]) {
      assert.equal(unfinishedRollback([...unfinished, later]), undefined);
    }
    assert.equal(unfinishedRollback([...open, ended("r1", "failed")]), undefined);
    assert.equal(unfinishedRollback([...unfinished, begun("r2")])?.begun.id, "r2", "the open one comes first");
  });

  it("are not judged where the update ended before anything was asked", () => {
    assert.equal(isJudged({ checks: [endedEarly] }), false);
    assert.equal(isJudged({ checks: [{ ...endedEarly, name: "health", evidence: "GET /health → 500" }] }), true);
  });

  it("S9 · tell how long the next one may take, by its level, and only those that passed do", () => {
    const entries = [begun("r1"), ended("r1", "passed", 40), begun("r2", "fast"), ended("r2", "passed", 10)];
    const more = [...entries, begun("r3"), ended("r3", "failed", 900)];
    assert.deepEqual(measuredRuns(more, "full"), [40]);
    assert.deepEqual(measuredRuns(more, "fast"), [10]);
  });

  it("leave it to the deployments where there was none yet", () => {
    assert.deepEqual(measuredRuns([intent("a"), { ...outcome("a", "passed"), milliseconds: 7 }], "full"), [7]);
  });
});
