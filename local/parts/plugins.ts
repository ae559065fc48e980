import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fromCache } from "../cache";
import { isExecutable } from "../machine";
import { type Context, folderOf, type Part, remember, remembered } from "../part";
import { run } from "../run";
import { posixQuote } from "../shell";
import { type Candidate, firstOf, type Source } from "../source";
import { writeWhole } from "../state";
import { bundlePlugins, pluginBundle } from "./plugin-bundle";
import { vendorHost } from "./pulumi";

export const pluginNames = ["docker", "postgresql", "aws"] as const;
export type PluginName = (typeof pluginNames)[number];

export interface Plugin {
  readonly name: PluginName;
  readonly version: string;
  readonly source: Source;
}

/** Which plugins are stand-ins of ours; the choice stays until `down --purge`, so that no state meets both by surprise. */
interface Choice {
  readonly ours: readonly string[];
}

/**
 * The resource plugins, of exactly the versions of the installed SDK packages, in the environment's own Pulumi home.
 * The stand-ins for a closed network live only there: no other stack, staging or production, can come to use them.
 */
export const plugins: Part<readonly Plugin[]> = {
  name: "plugins",
  async start(context) {
    const { ours = [] } = remembered<Choice>(context, "plugins");
    const chosen = await Promise.all(
      pluginNames.map(async (name): Promise<Plugin> => {
        const version = sdkVersion(context, name);
        const places = candidates(context, name, version, ours.includes(`${name} ${version}`));
        const { source, found } = await firstOf("plugins", places, context.signal);
        layOut(context, name, version, found);
        return { name, version, source };
      }),
    );
    const standIns = chosen.filter(({ source }) => source === "ours").map(({ name, version }) => `${name} ${version}`);
    remember(context, "plugins", { ours: standIns } satisfies Choice);
    return chosen;
  },
  describe: (running) => running.map(({ name, version, source }) => `${name} ${version} (${source})`).join(", "),
  answers(context, running) {
    const current = running.every(({ name, version, source }) => {
      const file = path.join(laidOut(context, name, version), `pulumi-resource-${name}`);
      if (version !== sdkVersion(context, name) || !isExecutable(file)) return false;
      if (source !== "ours") return true;
      return fs.existsSync(pluginBundle(context)) && fs.readFileSync(file, "utf8") === standIn(context, name);
    });
    return Promise.resolve(current && running.length === pluginNames.length);
  },
  stop: () => Promise.resolve(),
};

/** A plugin's folder to link, or the text of an executable. */
type Found = { readonly folder: string } | { readonly script: string };

/** Where to look for a plugin. `settled` leaves the vendor out: a stand-in was chosen before and stays. */
export function candidates(context: Context, name: PluginName, version: string, settled: boolean): Candidate<Found>[] {
  const folderName = `resource-${name}-v${version}`;
  const cached = `plugin-${name}-${version}`;
  const fetched = path.join(context.cache, cached, "plugins", folderName);
  const homes = [context.env.PULUMI_HOME, path.join(os.homedir(), ".pulumi")].filter((home) => home !== undefined);
  const theirs = homes.filter((home) => !path.resolve(home).startsWith(context.folder));
  const complete = (folder: string): boolean => isExecutable(path.join(folder, `pulumi-resource-${name}`));
  const vendors: Candidate<Found>[] = [
    {
      source: "machine",
      find: () => {
        const folder = theirs.map((home) => path.join(home, "plugins", folderName)).find(complete);
        return Promise.resolve(folder === undefined ? { lacks: "no Pulumi home has it" } : { found: { folder } });
      },
    },
    {
      source: "vendor",
      find: async () => {
        if (complete(fetched)) return { found: { folder: fetched } };
        const answers = await context.machine.reachable(vendorHost);
        const cli = answers ? await context.pulumi : undefined;
        if (cli === undefined) return { lacks: "the vendor's host get.pulumi.com does not answer" };
        await fromCache(
          context.cache,
          cached,
          async (temporary) => {
            context.note("plugins", `fetching ${name} ${version} from the vendor`);
            const env = { ...process.env, PULUMI_HOME: temporary, PULUMI_SKIP_UPDATE_CHECK: "true" };
            await run(cli.bin, ["plugin", "install", "resource", name, version], { env, signal: context.signal });
            if (!complete(path.join(temporary, "plugins", folderName)))
              throw new Error("the vendor brought no such file");
          },
          { signal: context.signal },
        );
        return { found: { folder: fetched } };
      },
    },
  ];
  const own: Candidate<Found> = {
    source: "ours",
    find: async () => {
      await bundlePlugins(context);
      return { found: { script: standIn(context, name) } };
    },
  };
  return settled ? [own] : [...vendors, own];
}

/** The version of the SDK package that the programs use; the engine asks for a plugin of exactly that version. */
function sdkVersion(context: Pick<Context, "checkout">, name: PluginName): string {
  const file = path.join(context.checkout, "node_modules", "@pulumi", name, "package.json");
  const { version } = JSON.parse(fs.readFileSync(file, "utf8")) as { version: string };
  return version;
}

/** Runs the local plugin with this very node. */
function standIn(context: Pick<Context, "checkout" | "cache">, name: PluginName): string {
  const words = [process.execPath, pluginBundle(context), name].map(posixQuote).join(" ");
  return `#!/bin/sh\n# Rewind's stand-in for Pulumi's ${name} plugin, for the embedded environment only.\nexec ${words} "$@"\n`;
}

function laidOut(context: Pick<Context, "folder">, name: PluginName, version: string): string {
  return path.join(folderOf(context, "pulumi"), "home", "plugins", `resource-${name}-v${version}`);
}

/** Puts a plugin into the home. The engine passes over a linked folder, so the folder is real and its files are links. */
function layOut(context: Context, name: PluginName, version: string, found: Found): void {
  const folder = laidOut(context, name, version);
  const temporary = path.join(path.dirname(folder), `.${name}.new`);
  fs.rmSync(temporary, { recursive: true, force: true });
  fs.mkdirSync(temporary, { recursive: true });
  if ("script" in found) writeWhole(path.join(temporary, `pulumi-resource-${name}`), found.script, 0o755);
  else
    for (const entry of fs.readdirSync(found.folder))
      fs.symlinkSync(path.join(found.folder, entry), path.join(temporary, entry));
  fs.rmSync(folder, { recursive: true, force: true });
  fs.renameSync(temporary, folder);
}
