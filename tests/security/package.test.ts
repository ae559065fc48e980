import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const checkout = join(__dirname, "..", "..");
const read = (path: string): unknown => JSON.parse(readFileSync(join(checkout, path), "utf8"));

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly dev?: true;
  readonly devOptional?: true;
}
interface Bill {
  readonly bomFormat: string;
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  }[];
}

describe("the package", () => {
  let packed: string[] = [];
  before(function () {
    this.timeout(120_000);
    const told = execFileSync("npm", ["pack", "--dry-run", "--json", "--silent"], {
      cwd: checkout,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    });
    // npm 12 answers by name, older ones with a list.
    const [only] = Object.values(JSON.parse(told) as object) as { files: { path: string }[] }[];
    packed = (only?.files ?? []).map(({ path }) => path);
  });

  it("has a bill of all that it brings along, each part with the SHA-512 by which it is locked", () => {
    assert.ok(packed.includes("sbom.cdx.json"));
    const { bomFormat, components } = read("sbom.cdx.json") as Bill;
    assert.equal(bomFormat, "CycloneDX");
    const { packages } = read("package-lock.json") as { packages: Readonly<Record<string, Locked>> };
    const locked = Object.entries(packages).filter(
      ([path, { dev, devOptional }]) => path !== "" && !dev && !devOptional,
    );
    assert.ok(locked.length > 100);
    const missing = locked.filter(([path, { version, integrity = "" }]) => {
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
      const content = Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
      return !components.some(
        (each) =>
          each.name === name &&
          each.version === version &&
          (each.hashes ?? []).some((hash) => hash.alg === "SHA-512" && hash.content === content),
      );
    });
    assert.deepEqual(
      missing.map(([path]) => path),
      [],
    );
  });

  it("has what runs, and nothing of the tests, of another stack or of what a machine left", () => {
    for (const file of ["cli/rewind.js", "typescript.js", "index.ts", "Pulumi.yaml", "SECURITY.md", "LICENSE"]) {
      assert.ok(packed.includes(file), file);
    }
    const foreign = packed.filter((path) =>
      /(?:^|\/)node_modules\/|^(?:tests|bench|\.ci|\.github|\.rewind)|^Pulumi\.(?:test|bench|local)/.test(path),
    );
    assert.deepEqual(foreign, []);
  });
});
