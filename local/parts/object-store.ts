import * as fs from "node:fs";
import * as path from "node:path";
import { startDaemon, stopDaemon } from "../daemon";
import { builtWithGo, type GoProgram } from "../go";
import { type Context, folderOf, type Part, remember, remembered } from "../part";
import { run } from "../run";
import { type Candidate, firstOf, type Source } from "../source";
import { newSecret, writeJson } from "../state";

export interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface ObjectStore extends Keys {
  readonly endpoint: string;
  readonly containerEndpoint: string;
  readonly region: string;
  /** The account of the workload, which may do what policies let it. */
  readonly application: Keys;
  /** An account that owns nothing, to probe with what a policy lets others do. */
  readonly foreign: Keys;
  readonly source: Source;
}

interface Settings {
  readonly port: number;
  readonly root: Keys;
  readonly application: Keys;
  readonly foreign: Keys;
}

const version = "1.8.0";
const region = "us-east-1";
/** No bucket can be called so, which keeps the name free. */
const healthPath = "/_health";

const gateway: GoProgram = {
  part: "objectStore",
  cached: `versitygw-${version}`,
  module: "local/object-store",
  package: "github.com/versity/versitygw/cmd/versitygw",
  program: "versitygw",
  version: `main.Version=v${version}`,
  takes: "two minutes on two cores",
};

/** An S3-compatible store: versitygw, which enforces policies, versions and expiry, over plain files. */
export const objectStore: Part<ObjectStore> = {
  name: "objectStore",
  async start(context) {
    const { source, found } = await firstOf("objectStore", candidates(context), context.signal);
    const before = remembered<Settings>(context, "objectStore");
    const { listen, forContainers } = await context.gateway;
    const port = await context.ports.choose(`${context.id} objectStore`, listen, before.port);
    const settings: Settings = {
      port,
      root: before.root ?? newKeys("ROOT"),
      application: before.application ?? newKeys("APP"),
      foreign: before.foreign ?? newKeys("FOREIGN"),
    };
    remember(context, "objectStore", settings);
    const running: ObjectStore = {
      endpoint: `http://127.0.0.1:${port}`,
      containerEndpoint: `http://${forContainers}:${port}`,
      region,
      ...settings.root,
      application: settings.application,
      foreign: settings.foreign,
      source,
    };
    const start = async (): Promise<void> => {
      await startDaemon({
        folder: folderOf(context, "objectStore"),
        command: found,
        args: layOut(context, settings, listen),
        env: { ...process.env, ROOT_ACCESS_KEY: settings.root.accessKey, ROOT_SECRET_KEY: settings.root.secretKey },
        ready: async () => await answers(running),
        within: 20_000,
        signal: context.signal,
      });
    };
    await start().catch(async (error: unknown) => {
      if (!/xattr|extended attribute/i.test(String(error))) throw error;
      fs.mkdirSync(sidecarOf(context), { recursive: true, mode: 0o700 });
      await start();
    });
    return running;
  },
  describe: ({ endpoint }) => `versitygw ${version} at ${endpoint}`,
  answers: async (context, running) =>
    (await answers(running)) &&
    running.containerEndpoint.startsWith(`http://${(await context.gateway).forContainers}:`),
  stop: async (context) => {
    await stopDaemon(folderOf(context, "objectStore"));
  },
};

/** Where to look: on the PATH, else a build with Go. The official image would need a way out of its container. */
export function candidates(context: Context): Candidate<string>[] {
  return [
    {
      source: "machine",
      find: async () => {
        const file = context.machine.find("versitygw");
        if (file === undefined) return { lacks: "versitygw is not on the PATH" };
        const said = await run(file, ["--version"], { signal: context.signal });
        return said.includes(version) ? { found: file } : { lacks: `versitygw on the PATH is not ${version}` };
      },
    },
    { source: "built", find: async () => await builtWithGo(context, gateway) },
  ];
}

/** Makes the folders and the accounts beside the root, and returns the command line. Keys never stand on it. */
function layOut(context: Context, { port, application, foreign }: Settings, listen: readonly string[]): string[] {
  const folder = folderOf(context, "objectStore");
  const [buckets, versions, accounts] = ["buckets", "versions", "accounts"].map((name) => {
    const made = path.join(folder, name);
    fs.mkdirSync(made, { recursive: true, mode: 0o700 });
    return made;
  }) as [string, string, string];
  const accountOf = ({ accessKey, secretKey }: Keys) => ({
    access: accessKey,
    secret: secretKey,
    role: "user",
    userID: 0,
    groupID: 0,
    projectID: 0,
  });
  const file = path.join(accounts, "users.json");
  // Keys that were rotated since live there and nowhere else.
  if (fs.existsSync(file)) return commandLine(context, port, listen, { buckets, versions, accounts });
  const accessAccounts = Object.fromEntries([application, foreign].map((keys) => [keys.accessKey, accountOf(keys)]));
  writeJson(file, { accessAccounts });
  return commandLine(context, port, listen, { buckets, versions, accounts });
}

function commandLine(
  context: Context,
  port: number,
  listen: readonly string[],
  { buckets, versions, accounts }: Readonly<Record<"buckets" | "versions" | "accounts", string>>,
): string[] {
  const sidecar = fs.existsSync(sidecarOf(context)) ? ["--sidecar", sidecarOf(context)] : [];
  return [
    ...listen.flatMap((address) => ["--port", `${address}:${port}`]),
    ...["--region", region, "--iam-dir", accounts, "--health", healthPath, "--quiet", "--keep-alive"],
    ...["posix", "--versioning-dir", versions, ...sidecar, buckets],
  ];
}

/** Metadata is kept in extended attributes; where the file system has none, in this folder beside the data. */
function sidecarOf(context: Context): string {
  return path.join(folderOf(context, "objectStore"), "metadata");
}

function newKeys(name: string): Keys {
  return { accessKey: `${name}${newSecret(6).toUpperCase()}`, secretKey: newSecret() };
}

async function answers({ endpoint }: ObjectStore): Promise<boolean> {
  try {
    const response = await fetch(endpoint + healthPath, { signal: AbortSignal.timeout(2_000) });
    return response.status === 200;
  } catch {
    return false;
  }
}
