import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkpoint, verify } from "../../cli/log";
import { Refusal } from "../../cli/result";
import { readStack } from "../../cli/stack-file";
import { assertDocumented } from "./documented";
import { installIn, rewindIn } from "./process";
import { freshCopies } from "./project";

describe("rewind log verify and checkpoint", () => {
  const copy = freshCopies();
  const now = new Date("2025-09-17T20:00:00.000Z");
  const inFolder = (name: string): string => join(copy().folder, name);
  const log = () => readStack(copy().where).log;
  const bytes = (): string => readFileSync(log().location, "utf8");
  const hold = (reason: string) => log().append({ kind: "hold", release: "v1.2.0", reason });
  const asked = (options: { checkpoint?: string; key?: string } = {}) => {
    const answer = verify(copy().where, options);
    assertDocumented(["log", "verify"], JSON.stringify(answer.json));
    return answer;
  };
  const keys = generateKeyPairSync("ed25519");
  beforeEach(() => {
    for (const reason of ["slow", "slower", "slowest"]) hold(reason);
    writeFileSync(inFolder("key.pem"), keys.privateKey.export({ type: "pkcs8", format: "pem" }));
    writeFileSync(inFolder("key.pub.pem"), keys.publicKey.export({ type: "spki", format: "pem" }));
  });
  const sign = (name = "kept.json") => checkpoint(copy().where, inFolder(name), { key: inFolder("key.pem"), now });
  const against = () => asked({ checkpoint: inFolder("kept.json"), key: inFolder("key.pub.pem") });

  it("says that a log is sound, and what shows that its end was not cut", () => {
    const { code, text } = asked();
    assert.equal(code, 0);
    assert.match(text, /staging\.jsonl: 3 entries\nsound\nNext: rewind log checkpoint <file>/);
  });

  it("names every line that is not what was written, and exits 17", () => {
    const { id } = log().entries()[1] ?? assert.fail();
    writeFileSync(log().location, bytes().replace("slower", "faster"));
    const { code, text } = asked();
    assert.equal(code, 17);
    assert.match(
      text,
      new RegExp(`✗ line 2, ${id}: changed: its bytes are not what was written\\n.*: 3 entries\\ntampered`),
    );
    assert.match(text, /Next: put the log back from a copy, and find out who changed it$/);
  });

  it("takes a torn last line for what a crash leaves or somebody cut: 12, and nothing once another entry stands there", () => {
    appendFileSync(log().location, '{"version":3,"id":"torn');
    const { code, text } = asked();
    assert.deepEqual([code, text.includes("line 4: unfinished: it was cut off, or torn by a crash")], [12, true], text);
    hold("after the crash");
    const { code: closed, json } = asked();
    assert.deepEqual([closed, json.notes.map(({ flaw, line }) => [flaw, line])], [0, [["torn", 4]]]);
  });

  it("holds a log against a signed checkpoint: gone on with, cut, and written anew", () => {
    const { text, json } = sign();
    assertDocumented(["log", "checkpoint"], JSON.stringify(json));
    assert.match(text, /kept\.json: 3 entries up to \S+, signed with sha256:[0-9a-f]{64}\nNext: keep it where/);
    hold("later");
    const { code, text: sound } = against();
    assert.deepEqual(
      [code, sound.endsWith("Held against the checkpoint of 2025-09-17T20:00:00.000Z, 3 entries\nsound")],
      [0, true],
    );
    const [first = ""] = bytes().split("\n");
    writeFileSync(log().location, `${first}\n`);
    assert.equal(asked().code, 0, "a chain alone does not show it");
    assert.equal(against().code, 17);
    assert.match(against().text, /line 1, \S+: cut: the log ends before entry 3, which a checkpoint of 2025-09-17T20/);
    rmSync(log().location);
    for (const reason of ["fine", "finer", "finest", "finest of all"]) hold(reason);
    assert.match(against().text, /rewritten: what stands up to entry 3 is not what a checkpoint of 2025-09-17T20/);
  });

  it("signs no log that is not what was written, none without an entry, and over no other checkpoint", () => {
    const refused = (name: string, kind: string, reason: RegExp): void => {
      assert.throws(
        () => sign(name),
        (error) => error instanceof Refusal && error.kind === kind && reason.test(error.message),
      );
    };
    sign();
    refused("kept.json", "refused", /kept\.json is there already$/);
    refused("nowhere/kept.json", "refused", /^no folder .*nowhere$/);
    writeFileSync(log().location, bytes().replace("slower", "faster"));
    refused("other.json", "tampered", /^the log is not what was written$/);
    rmSync(log().location);
    refused("other.json", "refused", /has no entry yet$/);
  });

  it("refuses a key that is none, is of another kind, or is not there, and a checkpoint by another", () => {
    sign();
    writeFileSync(
      inFolder("other.pem"),
      generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }),
    );
    const curve = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    writeFileSync(inFolder("curve.pem"), curve.export({ type: "pkcs8", format: "pem" }));
    const file = inFolder("kept.json");
    for (const [options, reason] of [
      [{ checkpoint: file }, /^no public key is named$/],
      [{ checkpoint: file, key: file }, /kept\.json is no public Ed25519 key in PEM$/],
      [{ checkpoint: file, key: inFolder("curve.pem") }, /curve\.pem is no public Ed25519 key/],
      [{ checkpoint: file, key: inFolder("none.pem") }, /none\.pem cannot be read: ENOENT$/],
      [{ checkpoint: file, key: inFolder("other.pem") }, /kept\.json: it was signed with the key sha256:/],
      [{ checkpoint: inFolder("key.pem"), key: inFolder("key.pem") }, /key\.pem: it is no JSON$/],
    ] as const) {
      assert.throws(
        () => verify(copy().where, options),
        (error) => error instanceof Refusal && reason.test(error.message),
      );
    }
    assert.throws(() => checkpoint(copy().where, "x", { key: inFolder("key.pub.pem"), now }), /no private Ed25519 key/);
  });

  it("are verbs of their own beside rewind log, with their own flags and exit codes", () => {
    installIn(copy().folder);
    const rewind = (...args: readonly string[]) => rewindIn(copy().folder, "log", ...args, "--stack", "staging");
    assert.match(rewind("--limit", "1").stdout, /^\S+ {2}\S+ {2}.* hold v1\.2\.0: slowest\n\S+, 3 entries\n$/);
    assert.equal((JSON.parse(rewind("--json").stdout) as { total: number }).total, 3);
    const signed = rewind("checkpoint", inFolder("kept.json"), "--key", inFolder("key.pem"), "--json");
    assert.equal(signed.code, 0, signed.stderr);
    writeFileSync(log().location, bytes().replace("slower", "faster"));
    const { code, stdout } = rewind("verify", "--json");
    assert.deepEqual([code, (JSON.parse(stdout) as { result: string }).result], [17, "tampered"]);
    const refused = rewind("verify", "--checkpoint", inFolder("kept.json"));
    assert.deepEqual(
      [refused.code, refused.stderr],
      [10, "rewind: no public key is named\nNext: --key <file>, or REWIND_CHECKPOINT_KEY\n"],
    );
    assert.match(
      rewind("verify", "--help").stdout,
      /--checkpoint <file>[\s\S]*REWIND_CHECKPOINT_KEY[\s\S]*\$ rewind log verify\n/,
    );
  }).timeout(60_000);
});
