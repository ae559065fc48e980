import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "./local-home";
import { fixtureFor, stack as name, type Fixture } from "./fixture";
import { keepTheDatabase } from "./stack-edits";

interface Created {
  id: string;
  folder: string;
  parts: string[];
  files: number;
}

describe("L8 · backups of a real stack", function () {
  let stack: Fixture;
  let original: string | undefined;
  const backups = join(checkout, ".rewind", "backups", name);
  before(async function () {
    stack = await fixtureFor(this);
    rmSync(backups, { recursive: true, force: true });
    await stack.empty();
    original = readFileSync(stack.stackFile, "utf8");
    keepTheDatabase(stack);
    await stack.up();
  });
  after(() => {
    if (original !== undefined) writeFileSync(stack.stackFile, original);
    rmSync(backups, { recursive: true, force: true });
  });

  const create = async (...args: string[]): Promise<Created> => {
    const ran = await stack.rewind("backup", "create", "--json", ...args);
    assert.equal(ran.code, 0, ran.output);
    return JSON.parse(ran.stdout) as Created;
  };
  const verified = async (id: string, level = "daily") => {
    const ran = await stack.rewind("backup", "verify", id, "--level", level, "--json");
    const { checks = [] } = JSON.parse(ran.stdout) as { checks?: { name: string; result: string; evidence: string }[] };
    return { code: ran.code, output: ran.output, checks };
  };

  it("L8 · a backup has every part, and the real sha256sum accepts its sums", async () => {
    const made = await create("--name", "first");
    assert.deepEqual(made.parts, ["stack", "state", "rows", "policies", "database", "records"]);
    const said = execFileSync("sha256sum", ["-c", "checksums/SHA256SUMS"], { cwd: made.folder, encoding: "utf8" });
    assert.equal(said.trim().split("\n").length, made.files + 1);
    assert.deepEqual(readdirSync(backups), [made.id]);
    const { code, output } = await verified(made.id);
    assert.equal(code, 0, output);
    const secrets = await stack.secrets();
    for (const file of readdirSync(made.folder, { recursive: true, encoding: "utf8" })) {
      if (!/json|yaml/.test(file) || !existsSync(join(made.folder, file))) continue;
      for (const secret of secrets) assert.ok(!readFileSync(join(made.folder, file), "utf8").includes(secret), file);
    }
  });

  it("L8 · what is damaged, missing, extra or renamed is named, and exits as tampered", async () => {
    const { id, folder } = await create();
    const file = join(folder, "state", "state.json");
    const text = readFileSync(file, "utf8");
    const found = async (spoil: () => void, said: RegExp, mend: () => void): Promise<void> => {
      spoil();
      try {
        const { code, output, checks } = await verified(id);
        assert.equal(code, 17, output);
        assert.match(checks[0]?.evidence ?? "", said);
      } finally {
        mend();
      }
    };
    const put = (path: string, content: string) => () => {
      writeFileSync(join(folder, path), content);
    };
    const restore = put("state/state.json", text);
    await found(
      put("state/state.json", text.replace("{", " ")),
      /^state\/state\.json is not what was written$/,
      restore,
    );
    const remove = () => {
      rmSync(file);
    };
    await found(remove, /^state\/state\.json is missing$/, restore);
    const stray = join(folder, "rows", "stray.jsonl");
    await found(put("rows/stray.jsonl", ""), /^rows\/stray\.jsonl was added$/, () => {
      rmSync(stray);
    });
    const move = (from: string, to: string) => () => {
      renameSync(join(folder, from), join(folder, to));
    };
    await found(
      move("state/state.json", "state/other.json"),
      /^state\/state\.json was renamed to state\/other\.json$/,
      move("state/other.json", "state/state.json"),
    );
    assert.equal((await verified(id)).code, 0);
  });
});
