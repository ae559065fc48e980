import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Entry, Hold } from "../../records/entry";
import { chainedLine, checkVersion, isIntact, isTorn, linkOf, NewerLog, parseEntry, sha256 } from "../../records/line";

const entry: Hold = {
  ...{ version: 3, id: "a", at: "2025-09-17T20:00:00.000Z", stack: "s", by: "b@c" },
  ...{ kind: "hold", release: "v1", reason: "broken" },
};
const previous = sha256("before");
const line = chainedLine(entry, { previous, token: 12 });
const bytes = Buffer.from(line);

describe("a line of the deployment log", () => {
  it("is the entry, what binds it, and the digest of both", () => {
    const own = `${JSON.stringify(entry).slice(0, -1)},"previous":"${previous}","token":12`;
    const sum = createHash("sha256").update(own).digest("hex");
    assert.equal(line, `${own},"digest":"sha256:${sum}"}`);
    assert.deepEqual(linkOf(bytes), { previous, token: 12, digest: `sha256:${sum}` });
    assert.deepEqual(parseEntry(line), entry);
  });

  it("is bound only by what stands at its very end, in the form in which it is written", () => {
    for (const [from, to] of [
      ['"}', '"} '],
      ['"token":12', '"token":012'],
      ['"token":12', '"token":0'],
      ['"token":12', '"token":1234567890123456'],
      ['"token":12', '"token":"12"'],
      ['"previous":"sha256:', '"previous":"sha512:'],
      ['"digest":"sha256:', '"digest":"sha256:0'],
      [',"previous"', ', "previous"'],
    ] as const) {
      assert.equal(linkOf(Buffer.from(line.replace(new RegExp(`${from}(?=[^}]*}?$)`), to))), undefined, to);
    }
    assert.equal(linkOf(Buffer.from(`${line}${line.slice(0, 20)}`)), undefined);
  });

  it("may have any token of up to twelve digits", () => {
    for (const token of [1, 9, 10, 999_999_999_999]) {
      assert.equal(linkOf(Buffer.from(chainedLine(entry, { previous, token })))?.token, token);
    }
  });

  it("is bound however long it is, and whatever it says before", () => {
    for (const reason of [
      "x".repeat(100_000),
      `","previous":"${previous}","token":7,"digest":"${previous}"}`,
      "é".repeat(99),
    ]) {
      const other = { ...entry, reason };
      const text = chainedLine(other, { previous, token: 3 });
      assert.equal(linkOf(Buffer.from(text))?.token, 3);
      assert.deepEqual(parseEntry(text), other);
    }
  });

  it("is intact as long as no byte of it changed", () => {
    const link = linkOf(bytes) ?? assert.fail();
    assert.ok(isIntact(bytes, link));
    for (const at of [0, 20, line.indexOf('"token":12') + 9]) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ 1;
      assert.ok(!isIntact(changed, link), `${at}`);
    }
  });

  it("is torn where the next writer said so, where it begins with a zero, or has two in it", () => {
    for (const torn of ['{"version":3 (torn)', "(torn)", "\0{}", "{\0\0}", "{}\0\0"])
      assert.ok(isTorn(Buffer.from(torn)), torn);
    for (const whole of ["", "{}", "{\0}", "{}\0", '{"reason":"(torn)"}', "(torn) ", "{\0 \0}"]) {
      assert.ok(!isTorn(Buffer.from(whole)), whole);
    }
  });

  it("is no entry where it is no JSON, says not what kind of entry it is, or is bound by nothing since it should be", () => {
    for (const text of ["", "x", "null", "1", '"kind"', "[]", "{}", '{"version":2}', '{"version":3,"kind":"hold"}']) {
      assert.equal(parseEntry(text), undefined, text);
    }
    for (const text of ['{"version":1,"kind":"hold"}', '{"version":2,"kind":"hold"}', '{"version":4,"kind":"hold"}']) {
      assert.deepEqual(parseEntry(text), JSON.parse(text));
    }
    assert.equal(parseEntry(line.replace('"id":"a"', "id")), undefined);
  });

  it("is read by this version of Rewind when it is of the first three, and refused by its place otherwise", () => {
    const of = (version: number): Entry => ({ ...entry, version }) as Entry;
    for (const version of [1, 2, 3]) assert.equal(checkVersion(of(version), "log:7").version, version);
    for (const version of [0, 4, Number.NaN]) {
      assert.throws(
        () => checkVersion(of(version), "log:7"),
        (error) =>
          error instanceof NewerLog &&
          String(error).startsWith("NewerLog: ") &&
          error.message === `log:7: an entry of version ${version}; this Rewind reads versions 1 to 3`,
      );
    }
  });
});
