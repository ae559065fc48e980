"use strict";
/*
 * TypeScript that runs as it stands: whoever loads this file can require it from then on. sucrase transpiles a file when
 * it is first loaded and again when it has changed; what came of it is kept under the SHA-256 of the text, for every
 * command is a process of its own and would do it all anew, which took half of its start.
 */
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const { Module } = require("node:module");
const { dirname, join } = require("node:path");
const { addHook } = require("pirates");
const { version } = require("sucrase/package.json");

const folder = join(__dirname, "node_modules", ".cache", "rewind", `sucrase-${version}`);

function transpiled(text, path) {
  const key = createHash("sha256").update(text).digest("hex");
  // A file that a crash left half-written does not end with its name.
  const end = `\n//# ${key}\n`;
  const kept = join(folder, `${key}.js`);
  try {
    const found = readFileSync(kept, "utf8");
    if (found.endsWith(end)) return found;
  } catch {
    // It was not loaded before.
  }
  const { code } = require("sucrase").transform(text, { transforms: ["imports", "typescript"], filePath: path });
  const whole = `${code}${end}`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${kept}.${process.pid}`, whole);
    renameSync(`${kept}.${process.pid}`, kept);
  } catch {
    // In a checkout that nobody may write, every process transpiles for itself.
  }
  return whole;
}

addHook(transpiled, { exts: [".ts"] });

/*
 * What packages load at their start and hardly ever use, loaded when it is used: the sixty languages that zod does not
 * speak here, and npm's resolver and the compiler, with which Pulumi's SDK looks into callbacks. Together it is half of
 * the start of a verb that asks the engine.
 */
function loadLater(name, user) {
  const path = whereFor(name, user);
  // The compiler is there for those who work on Rewind alone.
  if (path === undefined) return;
  let real;
  const get = (_, key) => {
    // Asked first of all, to find out how to import it.
    if (key === "__esModule") return true;
    if (real === undefined) {
      delete require.cache[path];
      real = require(path);
    }
    return key === "default" ? real : real[key];
  };
  put(path, new Proxy({}, { get }));
}

/*
 * What looks for the source map of every line of every stack trace. sucrase leaves each line where it was, and Pulumi's
 * SDK takes a trace of every promise: with many resources that was a third of the program.
 */
function leaveOut(name, user) {
  const path = whereFor(name, user);
  if (path !== undefined) put(path, {});
}

/** Where a package that uses another one finds it; undefined where it is not installed. */
function whereFor(name, user) {
  try {
    return require.resolve(name, { paths: [dirname(require.resolve(`${user}/package.json`))] });
  } catch {
    return undefined;
  }
}

function put(path, exports) {
  require.cache[path] = Object.assign(new Module(path), { loaded: true, exports });
}

loadLater("zod/v4/locales", "zod");
loadLater("@npmcli/arborist", "@pulumi/pulumi");
loadLater("typescript", "@pulumi/pulumi");
leaveOut("source-map-support/register", "@pulumi/pulumi");
