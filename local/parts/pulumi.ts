import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fromCache } from "../cache";
import { builtBefore, builtWithGo, type GoProgram } from "../go";
import { isExecutable } from "../machine";
import { type Context, folderOf, type Part } from "../part";
import { run } from "../run";
import { type Candidate, firstOf, type Source } from "../source";
import { newSecret, writeWhole } from "../state";

export interface Pulumi {
  readonly bin: string;
  readonly home: string;
  readonly backend: string;
  readonly passphraseFile: string;
  readonly version: string;
  readonly source: Source;
}

export const pulumiVersion = "3.256.0";
/** The vendor's installer is fetched from here. */
export const vendorHost = "https://get.pulumi.com/install.sh";

const engine: GoProgram = {
  part: "pulumi",
  cached: `pulumi-${pulumiVersion}`,
  module: "local/engine",
  package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
  program: "pulumi",
  version: `github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${pulumiVersion}`,
  takes: "four minutes on two cores",
};
/** Installed beside a `pulumi` of ours; the engine looks there for what the vendor's installer would have put there. */
const hosts = { "pulumi-language-nodejs": "language-host.js", "pulumi-resource-pulumi-nodejs": "dynamic-provider.sh" };

/** The Pulumi CLI with the Node language host beside it, and a throw-away home, backend and passphrase. */
export const pulumi: Part<Pulumi> = {
  name: "pulumi",
  async start(context) {
    const { source, found } = await firstOf("pulumi", candidates(context), context.signal);
    const folder = folderOf(context, "pulumi");
    const passphraseFile = path.join(folder, "passphrase");
    if (!fs.existsSync(passphraseFile)) writeWhole(passphraseFile, newSecret());
    for (const name of ["home", "state"]) fs.mkdirSync(path.join(folder, name), { recursive: true });
    return {
      bin: found,
      home: path.join(folder, "home"),
      backend: `file://${path.join(folder, "state")}`,
      passphraseFile,
      version: pulumiVersion,
      source,
    };
  },
  describe: ({ version, bin }) => `Pulumi ${version} at ${bin}`,
  answers(context, running) {
    const current =
      running.source !== "built" || running.bin === path.join(context.cache, hostFolder(context), "pulumi");
    const complete = [running.bin, path.join(path.dirname(running.bin), "pulumi-language-nodejs")].every(isExecutable);
    return Promise.resolve(
      current && complete && running.version === pulumiVersion && fs.existsSync(running.passphraseFile),
    );
  },
  stop: () => Promise.resolve(),
};

/** Where to look: what there is or was fetched or built before, then the vendor's installer, then a build with Go. */
export function candidates(context: Context): Candidate<string>[] {
  const fetched = path.join(context.cache, vendorFolder, installed);
  return [
    { source: "machine", find: async () => await onThisMachine(context) },
    {
      source: "vendor",
      find: () => Promise.resolve(isExecutable(fetched) ? { found: fetched } : { lacks: "it was not fetched before" }),
    },
    {
      source: "built",
      find: async () =>
        builtBefore(context, engine) === undefined
          ? { lacks: "it was not built before" }
          : { found: await withHosts(context, await built(context)) },
    },
    {
      source: "vendor",
      find: async () =>
        (await context.machine.reachable(vendorHost))
          ? { found: await fetchFromVendor(context) }
          : { lacks: "the vendor's host get.pulumi.com does not answer" },
    },
    {
      source: "built",
      find: async () => {
        const offer = await builtWithGo(context, engine);
        return "found" in offer ? { found: await withHosts(context, offer.found) } : offer;
      },
    },
  ];
}

const vendorFolder = `pulumi-${pulumiVersion}-vendor`;
const installed = path.join("versions", pulumiVersion, "bin", "pulumi");

/** One on the PATH or in the user's own Pulumi folder, if it is the pinned version and complete. */
async function onThisMachine(context: Context): ReturnType<Candidate<string>["find"]> {
  const onPath = context.machine.find("pulumi");
  const own = path.join(os.homedir(), ".pulumi");
  for (const file of [onPath, path.join(own, "bin", "pulumi"), path.join(own, installed)]) {
    // With our variables set in the shell the PATH begins with our own cache; that is no discovery.
    if (file === undefined || !isExecutable(file) || file.startsWith(context.cache + path.sep)) continue;
    const host = path.join(path.dirname(fs.realpathSync(file)), "pulumi-language-nodejs");
    if ((await versionOf(file, context.signal)) === pulumiVersion && isExecutable(host)) return { found: file };
  }
  return { lacks: `there is no pulumi ${pulumiVersion} with its Node language host on the PATH` };
}

async function versionOf(file: string, signal: AbortSignal): Promise<string> {
  const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
  return (await run(file, ["version"], { env, signal })).trim().replace(/^v/, "");
}

/** Lets the vendor's own npm package fetch its CLI, into our cache rather than the user's Pulumi folder. */
async function fetchFromVendor(context: Context): Promise<string> {
  const folder = await fromCache(
    context.cache,
    vendorFolder,
    async (temporary) => {
      context.note("pulumi", `fetching Pulumi ${pulumiVersion} with the vendor's installer`);
      const script = "require(process.argv[1]).resolve().catch((e) => { console.error(e.message); process.exit(1); })";
      const installer = path.join(context.checkout, "node_modules", "pulumi", "lib", "resolve.js");
      // The installer is written to the temporary folder under a name that anybody can foresee.
      const env = { ...process.env, PULUMI_HOME: temporary, PULUMI_VERSION: pulumiVersion, TMPDIR: temporary };
      await run(process.execPath, ["-e", script, installer], { env, signal: context.signal });
      const got = await versionOf(path.join(temporary, installed), context.signal);
      if (got !== pulumiVersion) throw new Error(`the vendor's installer brought pulumi ${got}, not ${pulumiVersion}`);
    },
    { signal: context.signal },
  );
  return path.join(folder, installed);
}

async function built(context: Context): Promise<string> {
  const offer = await builtWithGo(context, engine);
  if ("found" in offer) return offer.found;
  throw new Error(offer.lacks);
}

function hostTexts(context: Pick<Context, "checkout">): [name: string, text: string][] {
  const folder = path.join(context.checkout, "local", "engine");
  return Object.entries(hosts).map(([name, file]) => [name, fs.readFileSync(path.join(folder, file), "utf8")]);
}

/** Named by what the hosts hold, so that clones of different age do not replace each other's. */
function hostFolder(context: Pick<Context, "checkout">): string {
  const digest = createHash("sha256")
    .update(JSON.stringify(hostTexts(context)))
    .digest("hex");
  return `pulumi-${pulumiVersion}-host-${digest.slice(0, 8)}`;
}

/** A folder with the built CLI and our hosts side by side: the engine warns of hosts that it finds anywhere else. */
async function withHosts(context: Context, pulumiFile: string): Promise<string> {
  const folder = await fromCache(
    context.cache,
    hostFolder(context),
    async (temporary) => {
      fs.linkSync(pulumiFile, path.join(temporary, "pulumi"));
      for (const [name, text] of hostTexts(context)) writeWhole(path.join(temporary, name), text, 0o755);
      const got = await versionOf(path.join(temporary, "pulumi"), context.signal);
      if (got !== pulumiVersion) throw new Error(`the pulumi that was built says it is ${got}, not ${pulumiVersion}`);
    },
    { signal: context.signal },
  );
  return path.join(folder, "pulumi");
}
