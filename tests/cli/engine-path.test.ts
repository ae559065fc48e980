import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { preferInstalledEngine } from "../../cli/engine-path";

describe("the engine that a verb runs", () => {
  const folder = mkdtempSync(join(tmpdir(), "rewind-path-"));
  const place = (name: string, ...programs: string[]): string => {
    const at = join(folder, name);
    mkdirSync(at, { recursive: true });
    for (const program of programs) writeFileSync(join(at, program), "#!/bin/sh\n", { mode: 0o755 });
    return at;
  };
  const packages = place("node_modules/.bin", "pulumi", "tsc");
  const node = place("node/bin", "node");
  const engine = place("pulumi-3/bin", "pulumi");
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const path = (...folders: string[]): string => folders.join(delimiter);

  it("is the installed one, also under npx, which puts the npm package's before it", () => {
    assert.equal(preferInstalledEngine(path(packages, node, engine)), path(node, engine, packages));
  });

  it("is the npm package's where there is no other, and the PATH stays as it is", () => {
    for (const same of [path(packages, node), path(node, engine), path(engine, node), path("", node), ""]) {
      assert.equal(preferInstalledEngine(same), same);
    }
  });
});
