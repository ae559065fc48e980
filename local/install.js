// Installs the npm packages of a fresh clone, so that `npm run demo` and `npm test` are all that a newcomer types.
// Plain JavaScript on Node alone: it runs before anything is installed.
const { spawnSync } = require("node:child_process");
const { existsSync, readFileSync } = require("node:fs");
const { join } = require("node:path");

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Rewind needs Node 20.19 or newer; this is ${process.version}. Get one at https://nodejs.org`);
  process.exit(1);
}

const checkout = join(__dirname, "..");
const lock = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : undefined);

/** Whether node_modules holds what package-lock.json asks for; packages of other platforms are left out of it. */
function installed() {
  const wanted = lock(join(checkout, "package-lock.json"));
  const present = lock(join(checkout, "node_modules", ".package-lock.json"));
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === "" || optional || present[path]?.version === version,
  );
}

if (!installed()) {
  console.error("Installing the npm packages (npm ci) …");
  const npm = process.env.npm_execpath;
  const [command, args] = npm === undefined ? ["npm", ["ci"]] : [process.execPath, [npm, "ci"]];
  const { status, error } = spawnSync(command, args, { cwd: checkout, stdio: "inherit" });
  if (error !== undefined) console.error(`npm ci could not be started: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}
