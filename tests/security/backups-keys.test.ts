import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshStacks } from "./backup-stack";

describe("a backup that a key signed", function () {
  this.timeout(20_000);
  const stack = freshStacks();

  const keys = ["ours", "theirs"].map(() => generateKeyPairSync("ed25519"));
  const pem = (at: number): string => {
    const file = join(stack().folder, `key-${at}.pem`);
    writeFileSync(file, keys[at]!.privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    return file;
  };
  const signedBy = async (at: number, when: string): Promise<string> => {
    process.env.REWIND_BACKUP_KEY = pem(at);
    try {
      return await stack().make(when, "extra");
    } finally {
      delete process.env.REWIND_BACKUP_KEY;
      rmSync(join(stack().folder, ".rewind", "records"), { recursive: true });
    }
  };
  const declare = (): void => {
    const key = keys[0]!.publicKey.export({ type: "spki", format: "der" }).toString("base64");
    writeFileSync(stack().file, stack().text().replace("extra: [data]", `extra: [data], signers: ["${key}"]`));
  };

  it("SEC-H1 · a signature of a declared key proves a backup where the log is lost; another key does not", async () => {
    declare();
    const ours = await signedBy(0, "2026-11-20T10:00:00Z");
    const theirs = await signedBy(1, "2026-11-20T11:00:00Z");
    assert.equal((await stack().verify(ours)).code, 0);
    await stack().untouched(
      () => stack().restore({ id: theirs, parts: ["extra"] }),
      /the key that signed it, sha256:\w+…, is not declared/,
    );
    await stack().restore({ id: ours, parts: ["extra"] });
  });

  it("SEC-H1 · a key that the caller names is believed, too, and its signature holds for one name and one manifest", async () => {
    const ours = await signedBy(0, "2026-11-20T10:00:00Z");
    const forged = await stack().forge({ "extra/data/kept.txt": "forged\n" });
    const signature = (id: string) => join(stack().backups, id, "checksums", "MANIFEST_SIGNATURE.json");
    assert.equal((await stack().verify(ours, { signer: pem(0) })).code, 0);
    assert.equal((await stack().verify(ours, { signer: pem(1) })).code, 11);
    const text = readFileSync(signature(ours), "utf8");
    const tried = async (said: string, expected: RegExp): Promise<void> => {
      writeFileSync(signature(forged), said);
      const { code, text: told } = await stack().verify(forged, { signer: pem(0) });
      assert.match(told, expected);
      assert.equal(code, 17, told);
    };
    await tried(text, /its signature is of the backup "20261120T100000Z"/);
    await tried(text.replace(ours, forged), /its signature is not true/);
    await tried("{", /is damaged/);
    await tried(" ".repeat(5_000), /is damaged/);
    rmSync(signature(forged));
    mkdirSync(signature(forged));
    assert.equal((await stack().verify(forged, { signer: pem(0) })).code, 17);
    const other = "20261120T120000Z";
    renameSync(join(stack().backups, ours), join(stack().backups, other));
    assert.equal((await stack().verify(other, { signer: pem(0) })).code, 17);
  });
});
