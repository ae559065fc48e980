import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { giveFolder, handsOf } from "../../recovery/account";

const nobody = { uid: 65_534, gid: 65_534 };

/** What a database's account may do to root, which works in its folders. */
describe("folders of the account that runs PostgreSQL", function () {
  this.timeout(60_000);
  let root: string;
  let theirs: string;
  let precious: string;
  before(function () {
    // Only root has another account to work as.
    if (process.platform !== "linux" || process.getuid?.() !== 0) this.skip();
  });
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "rewind-accounts-"));
    chmodSync(root, 0o711);
    theirs = join(root, "theirs");
    precious = join(root, "precious");
    mkdirSync(theirs, { mode: 0o700 });
    chownSync(theirs, nobody.uid, nobody.gid);
    mkdirSync(precious, { mode: 0o700 });
    writeFileSync(join(precious, "shadow"), "root's own", { mode: 0o600 });
  });
  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });
  const untouched = (): void => {
    const { uid, mode } = statSync(join(precious, "shadow"));
    assert.deepEqual([uid, mode & 0o777], [0, 0o600]);
    assert.equal(readFileSync(join(precious, "shadow"), "utf8"), "root's own");
    assert.equal(statSync(precious).uid, 0);
  };

  it("SEC-M8 · a link where a file is written, added to or removed leads root nowhere", async () => {
    const hands = handsOf(nobody);
    const link = join(theirs, "recovery.signal");
    symlinkSync(join(precious, "shadow"), link);
    await assert.rejects(hands.write(link, "x"));
    await assert.rejects(hands.write(link, "x", "add"));
    untouched();
    await hands.remove(link);
    untouched();
    assert.equal(existsSync(link), false);
    await hands.write(link, "mine");
    assert.deepEqual([statSync(link).uid, statSync(link).mode & 0o777], [nobody.uid, 0o600]);
  });

  it("SEC-M8 · a link where a folder is made, copied to, removed or given away leads root nowhere", async () => {
    const hands = handsOf(nobody);
    const link = join(theirs, "copy");
    symlinkSync(precious, link);
    await assert.rejects(hands.makeFolder(link));
    assert.throws(() => {
      giveFolder(link, nobody);
    });
    const source = join(theirs, "source");
    await hands.makeFolder(source);
    await hands.write(join(source, "shadow"), "theirs");
    await assert.rejects(hands.copy(source, link));
    await hands.remove(link);
    untouched();
  });

  it("SEC-M8 · a copy has no more of root's than its account may read", async () => {
    const hands = handsOf(nobody);
    const [source, into] = [join(theirs, "source"), join(theirs, "into")];
    await hands.makeFolder(source);
    await hands.makeFolder(into);
    symlinkSync(join(precious, "shadow"), join(source, "base"));
    await hands.copy(source, into);
    assert.ok(lstatSync(join(into, "base")).isSymbolicLink());
    untouched();
  });

  it("SEC-M8 · an account that swaps folders and links all the time gets nothing of root's", async function () {
    const hands = handsOf(nobody);
    const swap = `const fs = require("fs"); const [, dir, precious] = process.argv;
      for (;;) { try { fs.rmSync(dir, { recursive: true, force: true }); fs.mkdirSync(dir); fs.writeFileSync(dir + "/shadow", "x");
        fs.rmSync(dir, { recursive: true, force: true }); fs.symlinkSync(precious, dir); } catch {} }`;
    const target = join(theirs, "swapped");
    const attacker = spawn(process.execPath, ["-e", swap, target, precious], {
      ...nobody,
      cwd: "/",
      env: {},
      stdio: "ignore",
    });
    try {
      for (const end = Date.now() + 3_000; Date.now() < end;) {
        for (const act of [
          () => {
            giveFolder(target, nobody);
            return Promise.resolve();
          },
          () => hands.write(join(target, "shadow"), "x"),
          () => hands.remove(target),
        ]) {
          try {
            await act();
          } catch {
            // It was swapped in between, and refused.
          }
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      attacker.kill("SIGKILL");
    }
    untouched();
    assert.match(execFileSync("id", ["-u"]).toString(), /^0/);
  });
});
