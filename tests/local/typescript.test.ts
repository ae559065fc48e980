import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import sucrase from "sucrase/package.json";
import typescript from "typescript/package.json";

const project = resolve(__dirname, "..", "..");

describe("TypeScript that runs as it stands", () => {
  let folder = "";
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "rewind-typescript-"))));
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a file prints, and where it is kept transpiled. */
  const ran = (text: string) => {
    const file = join(folder, "it.ts");
    writeFileSync(file, text);
    const key = createHash("sha256").update(text).digest("hex");
    return {
      said: execFileSync(process.execPath, ["--require", join(project, "typescript.js"), file], { encoding: "utf8" }),
      kept: join(project, "node_modules", ".cache", "rewind", `sucrase-${sucrase.version}`, `${key}.js`),
    };
  };
  const program = (word: string): string =>
    `// ${randomUUID()}\nimport { sep } from "node:path";\nconst word: string = "${word}";\nconsole.log(word + sep);\n`;

  it("is transpiled once for a text, and anew for another in the same file", () => {
    const first = program("one");
    const { said, kept } = ran(first);
    assert.equal(said, "one/\n");
    assert.match(readFileSync(kept, "utf8"), /require\('node:path'\)/);
    assert.equal(ran(program("two")).said, "two/\n");
    assert.equal(ran(first).said, "one/\n");
    rmSync(kept);
  });

  it("is transpiled anew where a crash left half of it, or nothing", () => {
    const text = program("whole");
    const { kept } = ran(text);
    for (const bytes of [0, 20]) {
      truncateSync(kept, bytes);
      assert.equal(ran(text).said, "whole/\n");
      assert.ok(existsSync(kept) && readFileSync(kept, "utf8").length > 20);
    }
    rmSync(kept);
  });

  it("loads zod with English, and with none of its other languages", () => {
    const { said, kept } = ran(`// ${randomUUID()}
      import { z } from ${JSON.stringify(require.resolve("zod"))};
      console.log(z.number().safeParse("one").error?.issues[0]?.message);
      console.log(Object.keys(require.cache).flatMap((file) => /locales.((?!index)[A-Za-z-]+)\\.cjs$/.exec(file)?.[1] ?? []));
    `);
    assert.equal(said, "Invalid input: expected number, received string\n[ 'en' ]\n");
    rmSync(kept);
  });

  it("loads what the SDK hardly ever uses when it is used", () => {
    const sdk = JSON.stringify(require.resolve("@pulumi/pulumi/automation"));
    const { said, kept } = ran(`// ${randomUUID()}
      const load = require("node:module").createRequire(${sdk});
      load(${sdk});
      const files = () => Object.keys(require.cache).filter((file) => /@npmcli.arborist|typescript.lib/.test(file)).length;
      console.log(files());
      console.log(typeof load("@npmcli/arborist").Arborist, load("typescript").version);
      console.log(files() > 20);
    `);
    assert.equal(said, `2\nfunction ${typescript.version}\ntrue\n`);
    rmSync(kept);
  });
});
