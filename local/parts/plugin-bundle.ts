import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import type { BuildOptions } from "esbuild";
import { fromCache } from "../cache";
import type { Context } from "../part";

const options = {
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  // Native twins of parts of ssh2 and pg, which both do without.
  external: ["cpu-features", "pg-native", "*.node"],
  legalComments: "eof",
  logLevel: "silent",
} satisfies BuildOptions;

/**
 * Where the stand-in plugins lie as one JavaScript file: in the cache, under the SHA-256 of everything they are made of,
 * so that a changed source is another file. Only names it; `bundlePlugins` makes it.
 */
export function pluginBundle({ checkout, cache }: Pick<Context, "checkout" | "cache">): string {
  return path.join(cache, `stand-ins-${digestOfSources(checkout)}`, "main.js");
}

/** Makes the file that `pluginBundle` names. Every start of the engine starts three plugins: this halves each. */
export async function bundlePlugins(context: Pick<Context, "checkout" | "cache" | "signal">): Promise<string> {
  const file = pluginBundle(context);
  const entry = path.join(context.checkout, "local", "plugins", "main.ts");
  const make = async (folder: string): Promise<void> => {
    // Loaded here: a start that finds everything built does not need it.
    const { build } = await import("esbuild");
    await build({ ...options, entryPoints: [entry], outfile: path.join(folder, "main.js") });
  };
  await fromCache(context.cache, path.basename(path.dirname(file)), make, { signal: context.signal });
  return file;
}

function digestOfSources(checkout: string): string {
  const folder = path.join(checkout, "local", "plugins");
  const files = fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => path.join("local", "plugins", name));
  const hash = createHash("sha256").update(JSON.stringify(options));
  for (const name of [...files, "package-lock.json"].sort()) {
    hash.update(`\0${name}\0`).update(fs.readFileSync(path.join(checkout, name)));
  }
  return hash.digest("hex").slice(0, 16);
}
