import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Where } from "../../cli/stack";
import { project } from "../release/stack-files";

/** A copy of the project's stack files in a folder of its own, removed after each test. */
export interface Copy {
  readonly folder: string;
  readonly where: Where;
  readonly file: string;
  text(): string;
}

/** A fresh copy of the staging stack before every test of the block that calls it. */
export function freshCopies(): () => Copy {
  let copy: Copy | undefined;
  beforeEach(() => {
    const folder = mkdtempSync(join(tmpdir(), "rewind-catalogue-"));
    const file = join(folder, "Pulumi.staging.yaml");
    cpSync(join(project, "Pulumi.staging.yaml"), file);
    mkdirSync(join(folder, "releases"));
    cpSync(join(project, "releases", "v1.1.0.yaml"), join(folder, "releases", "v1.1.0.yaml"));
    copy = { folder, file, where: { folder, stack: "staging" }, text: () => readFileSync(file, "utf8") };
  });
  afterEach(() => {
    if (copy !== undefined) rmSync(copy.folder, { recursive: true, force: true });
  });
  return () => copy!;
}
