import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { BuildOptions } from "esbuild";

const root = path.resolve(__dirname, "../..");
const workload = path.join(root, "examples/scoring");

const options = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  // The ES modules of a package can be cut down to what is used; its CommonJS files cannot.
  mainFields: ["module", "main"],
  // `pg` reaches for its native twin only when asked to.
  external: ["pg-native"],
  minify: true,
  legalComments: "eof",
  charset: "utf8",
  write: false,
  logLevel: "silent",
} satisfies BuildOptions;

/** The workload's Dockerfile. */
export function readDockerfile(): Promise<Buffer> {
  return readFile(path.join(workload, "Dockerfile"));
}

/**
 * SHA-256 over everything that the images are made of except the base: sources, Dockerfile, locked dependencies and how
 * they are bundled. Takes some milliseconds, so that nothing needs bundling to learn that nothing has changed.
 */
export async function hashSources(): Promise<string> {
  const entries = await readdir(path.join(workload, "src"), { recursive: true, withFileTypes: true });
  const sources = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const files = [...sources, path.join(workload, "Dockerfile"), path.join(root, "package-lock.json")];
  const named = files.map((file) => ({ file, name: path.relative(root, file).replaceAll(path.sep, "/") }));
  named.sort((a, b) => (a.name < b.name ? -1 : 1));
  const hash = createHash("sha256").update(JSON.stringify({ ...options, absWorkingDir: "" }));
  for (const { file, name } of named) {
    const content = await readFile(file);
    hash.update(`\0${name}\0${String(content.length)}\0`).update(content);
  }
  return hash.digest("hex");
}

/** The workload of one version as one CommonJS file; the same sources give the same bytes on every machine. */
export async function bundle(version: string): Promise<Buffer> {
  // Loaded here: a start that finds everything built does not need it.
  const { build } = await import("esbuild");
  const entry = path.join(workload, "src/releases", `${version}.ts`);
  const { outputFiles } = await build({ ...options, entryPoints: [entry], outfile: "main.js" });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`esbuild made nothing of ${entry}`);
  return Buffer.from(output.contents);
}
