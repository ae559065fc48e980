import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalJson } from "../../release/canonical";
import { describeChange, diffPinned } from "../../release/diff";
import { worstRisk } from "../../release/risk";
import { selectPinned } from "../../release/pinned";
import { facets, type Release } from "../../release/schema/release";
import { release, reordered } from "./arbitraries";
import { loadReal } from "./stack-files";

const pin = (release: Release) => selectPinned("a", {}, new Map([["a", release]]));
const changes = (before: Release, after: Release) => diffPinned(pin(before), pin(after));
const lines = (before: Release, after: Release) => changes(before, after).flatMap(describeChange);

describe("the difference between two pins", () => {
  it("is empty between equal pins, whatever the order of their keys", () => {
    fc.assert(
      fc.property(release, (a) => {
        assert.deepEqual(changes(a, reordered(a) as Release), []);
      }),
    );
  });

  it("names every entry that changed, came or went, and no other", () => {
    fc.assert(
      fc.property(release, release, (a, b) => {
        const sorted = (entry: unknown) => {
          const { rows, policy } = (entry ?? {}) as { rows?: unknown[]; policy?: { Statement: unknown[] } };
          const list = rows ?? policy?.Statement;
          return canonicalJson(Array.isArray(list) ? list.map(canonicalJson).sort() : entry);
        };
        const expected = facets.flatMap((facet) => {
          const names = [...new Set([...Object.keys(a[facet] ?? {}), ...Object.keys(b[facet] ?? {})])].sort();
          const from: Record<string, unknown> = a[facet] ?? {};
          const to: Record<string, unknown> = b[facet] ?? {};
          return names
            .filter((name) => !(name in from && name in to) || sorted(from[name]) !== sorted(to[name]))
            .map((name) => `${facet}/${name}`);
        });
        const found = changes(a, b);
        assert.deepEqual(
          found.map(({ facet, entry }) => `${facet}/${entry}`),
          expected,
        );
        for (const change of found) assert.ok(describeChange(change).length > 0, "a change without a line");
      }),
    );
  });

  it("turns round when the two change places", () => {
    fc.assert(
      fc.property(release, release, (a, b) => {
        const turned = { added: "removed", removed: "added", changed: "changed" };
        const there = changes(a, b).map(({ facet, entry, action }) => [facet, entry, turned[action]]);
        assert.deepEqual(
          there,
          changes(b, a).map(({ facet, entry, action }) => [facet, entry, action]),
        );
      }),
    );
  });

  it("comes in the order of the facets, then of the names", () => {
    const image = `engine@sha256:${"a".repeat(64)}`;
    const after: Release = { toggles: { B: true, A: true }, services: { z: { image }, b: { image } } };
    assert.deepEqual(lines({}, after), ["services/b added", "services/z added", "toggles/A added", "toggles/B added"]);
  });

  const rows = (...rows: Record<string, string | number>[]): Release => ({ config: { t: { rows } } });

  it("does not see a row that moved in its list", () => {
    const [one, two] = [
      { key: "one", value: 1 },
      { key: "two", value: 2 },
    ];
    assert.deepEqual(changes(rows(one, two), rows(two, one)), []);
  });

  it("shows changed, added and removed rows, each by its key", () => {
    const before = rows({ key: "kept", value: 0 }, { key: "changed", value: 1 }, { key: "removed", value: 2 });
    const after = rows({ key: "changed", value: 9 }, { key: "added", value: 3 }, { key: "kept", value: 0 });
    assert.deepEqual(
      new Set(lines(before, after)),
      new Set([
        "config/t changed.value: 1 → 9",
        'config/t added: nothing → {"key":"added","value":3}',
        'config/t removed: {"key":"removed","value":2} → nothing',
      ]),
    );
  });

  it("loses no row where the first column is not the key and repeats", () => {
    const before = rows({ value: 1, key: "a" }, { value: 1, key: "b" });
    assert.deepEqual(lines(before, rows({ value: 1, key: "a" }, { value: 2, key: "b" })), ["config/t b.value: 1 → 2"]);
  });

  it("loses no row where no column tells them apart", () => {
    const before = rows({ a: 1, b: 1 }, { a: 1, b: 2 }, { a: 2, b: 1 });
    assert.equal(lines(before, rows({ a: 1, b: 1 }, { a: 1, b: 2 }, { a: 2, b: 2 })).length, 2);
  });

  it("shows the flip of the real stack in lines that a person can read", () => {
    const at = (pin: string) => loadReal("prod", (config) => (config["rewind:release"] = pin)).settings.pinned;
    const found = diffPinned(at("v1.2.1"), at("v1.2.0"));
    const told = found.flatMap(describeChange);
    assert.ok(told.includes('config/scoring_config results_version.value: "v1.2.1" → "v1.2.0"'));
    assert.ok(told.includes('functions/score_fc_session variables.FC_VERSION: "v1.2" → "v1.1"'));
    assert.ok(told.includes("toggles/CORRELATION_ID_ENABLED: true → false"));
    assert.ok(told.some((line) => line.startsWith('services/api image: "engine:v1.2.1@sha256:cd363fde3ff8…" → ')));
    for (const line of told) assert.ok(line.length < 300, line);
  });

  it("tells rows apart by the key column that the environment names, not by a guess", () => {
    const table = { key: "id", columns: { id: "text", name: "text" } } as const;
    const before = pin(rows({ name: "same", id: "a" }, { name: "other", id: "b" }));
    const after = pin(rows({ name: "same", id: "a" }, { name: "same", id: "b" }));
    const [change] = diffPinned(before, after, { t: table });
    assert.deepEqual(change?.rows, [
      {
        key: "b",
        action: "changed",
        columns: ["name"],
        before: { name: "other", id: "b" },
        after: { name: "same", id: "b" },
      },
    ]);
  });

  const bucketOf = (...statements: object[]): Release =>
    ({ storage: { docs: { policy: { Version: "2012-10-17", Statement: statements } } } }) as Release;
  const allow = { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::${bucket}/*" };

  it("tells policies by statement, by its Sid or else by what it says", () => {
    const before = bucketOf({ ...allow, Sid: "A" }, { ...allow, Sid: "B" }, allow);
    const after = bucketOf(
      { ...allow, Action: "s3:PutObject" },
      { ...allow, Sid: "B", Effect: "Deny" },
      { ...allow, Sid: "A" },
    );
    const [change] = changes(before, after);
    assert.deepEqual(change?.values, []);
    assert.deepEqual(
      change.statements?.map(({ statement, action }) => [statement.slice(0, 12), action]),
      [
        ["B", "changed"],
        ['{"Action":"s', "removed"],
        ['{"Action":"s', "added"],
      ],
    );
    assert.deepEqual(change.statements[0]?.before, { ...allow, Sid: "B" });
    assert.equal(change.risk, "low");
  });

  it("does not see statements in another order, nor a list of one in place of a text", () => {
    const one = { ...allow, Sid: "A" };
    const other = { ...allow, Sid: "B" };
    assert.deepEqual(changes(bucketOf(one, other), bucketOf(other, { ...one, Action: [one.Action] })), []);
  });

  it("counts a statement that is said twice", () => {
    assert.equal(changes(bucketOf(allow, allow), bucketOf(allow)).length, 1);
  });

  it("has images by name, tag and digest", () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const [change] = changes(
      { services: { api: { image: `team/engine:v1@${digest}` } } },
      { services: { api: { image: "engine:v2" } } },
    );
    assert.deepEqual(change?.image, {
      before: { name: "team/engine", tag: "v1", digest },
      after: { name: "engine", tag: "v2" },
    });
  });

  it("says that rows in files differ, by the files' digests", () => {
    const file = (digit: string) => ({ file: `rows/${digit}.jsonl`, digest: `sha256:${digit.repeat(64)}`, count: 2 });
    const release = (digit: string) => ({ config: { t: file(digit) } }) as unknown as Release;
    assert.deepEqual(changes(release("a"), release("a")), []);
    assert.deepEqual(changes(release("a"), release("b"))[0]?.rowFiles, { before: file("a"), after: file("b") });
    assert.deepEqual(changes(rows(), release("b"))[0]?.rowFiles, { after: file("b") });
  });

  it("S8 · has the risk of each change: rows and functions low, kept objects medium, the schema high", () => {
    const image = `engine@sha256:${"a".repeat(64)}`;
    const versioned = (versioning: boolean): Release => ({
      storage: { docs: { versioning, policy: bucketOf(allow).storage!.docs!.policy } },
    });
    const risk = (before: Release, after: Release) => changes(before, after).map((change) => change.risk);
    assert.deepEqual(risk({}, { functions: { score: { image } } }), ["low"]);
    assert.deepEqual(risk(rows({ key: "a", value: 1 }), rows()), ["low"]);
    assert.deepEqual(risk(versioned(true), versioned(false)), ["medium"]);
    assert.deepEqual(risk({ schema: { migration: "0001_a" } }, { schema: { migration: "0002_b" } }), ["high"]);
    assert.equal(worstRisk(["low", "high", "medium"]), "high");
    assert.equal(worstRisk([]), undefined);
  });

  it("carries a risk for each change, and low it is for what can be put back", () => {
    const at = (pin: string) => loadReal("staging", (config) => (config["rewind:release"] = pin)).settings.pinned;
    const risks = diffPinned(at("v1.2.1"), at("v1.2.0")).map(({ risk }) => risk);
    assert.ok(risks.length >= 7);
    assert.deepEqual(new Set(risks), new Set(["low"]));
  });
});
