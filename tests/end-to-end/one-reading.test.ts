import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineTexts } from "../project/engine-texts";
import { checkout } from "./local-home";
import { fixtureFor, stack, type Fixture } from "./fixture";

describe("the values of a stack file", function () {
  this.timeout(600_000);
  let fixture: Fixture;
  before(async function () {
    fixture = await fixtureFor(this);
  });

  it("are the engine's own, for three thousand keys in every style of YAML", async () => {
    const texts = engineTexts(Number(process.env.REWIND_SEED ?? 20261130), 3_000);
    assert.equal(texts.length, 3_000);
    const folder = mkdtempSync(join(tmpdir(), "rewind-yaml-"));
    try {
      const file = join(folder, "Pulumi.many.yaml");
      // Without one the engine would write the file again before it reads it.
      const [salt = ""] = /^encryptionsalt: .*\n/m.exec(readFileSync(fixture.stackFile, "utf8")) ?? [];
      writeFileSync(
        file,
        `${salt}config:\n${texts.map(({ text }, at) => `  t:k${at}:${text}\n`).join("")}  t:end: 1\n`,
      );
      const ran = await fixture.pulumi(["config", "--json", "--stack", stack, "--config-file", file]);
      assert.equal(ran.code, 0, ran.output);
      const engine = JSON.parse(ran.stdout) as Record<string, { readonly value: string }>;
      for (const [at, { text, value }] of texts.entries()) {
        const said = engine[`t:k${at}`]?.value ?? "";
        // Objects by what they hold; a whole number past 2^53 as the program's own JSON.parse gives it.
        const parsed = /^[[{]|^-?\d{16,}$/.test(value);
        const [ours, theirs] = [value, said].map((each) => (parsed ? (JSON.parse(each) as unknown) : each));
        assert.deepEqual(theirs, ours, text);
      }
      if (process.env.REWIND_RECORD === "1") {
        const some = texts.map(({ text }, at) => ({ text, value: engine[`t:k${at}`]?.value ?? "" })).slice(0, 900);
        writeFileSync(join(checkout, "tests", "fixtures", "engine-yaml.json"), `${JSON.stringify(some, null, 1)}\n`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
