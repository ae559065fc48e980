import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import type Dockerode from "dockerode";
import { type Header, pack, type Pack } from "tar-stream";
import { build, finished, hasImage } from "./docker";

/** Node 22.23.3 on Debian 12, the index of all its platforms. */
const official =
  "node:22-bookworm-slim@sha256:43ac6c60b8f89723f746e8a92ce91abd5017e627ce1ddfe4238355d3a30b772c" as const;
const hub = "https://registry-1.docker.io/v2/";

/** What an image is built on: Node at /bin/node and an unprivileged user 1000:1000. */
export interface Base {
  /** Whether it is the vendor's image or made of this machine's own Node. */
  kind: "official" | "own";
  /** Says what is in it, whichever id Docker gave it this time. */
  key: string;
  /** Docker's name of it. */
  name: string;
}

const officialBase = baseOf("official", official);

/** The base of this kind as it would be made now; undefined for an own base where none can be made. */
export async function describeBase(kind: Base["kind"]): Promise<Base | undefined> {
  if (kind === "official") return officialBase;
  // A container runs Linux programs, and a Node for another system is none.
  if (process.platform !== "linux") return undefined;
  const files = await ownFiles();
  const stats = await Promise.all(files.map((file) => stat(file)));
  const parts = files.map((file, index) => [file, stats[index]?.size, stats[index]?.mtimeMs]);
  return baseOf("own", JSON.stringify([process.version, process.arch, parts]));
}

/**
 * Makes sure that Docker has a base: one that is there, the vendor's image when its registry answers within four
 * seconds, or else one made of this machine's own Node. Throws when neither can be had.
 */
export async function ensureBase(docker: Dockerode, progress: (line: string) => void): Promise<Base> {
  const own = await describeBase("own");
  if (await hasImage(docker, officialBase.name)) return officialBase;
  if (own !== undefined && (await hasImage(docker, own.name))) return own;
  if (await isReachable()) {
    try {
      progress(`pulling ${official.split("@")[0] ?? official}`);
      await finished(docker, await docker.pull(official, { abortSignal: AbortSignal.timeout(180_000) }));
      const link = `FROM ${official}\nRUN ln -s /usr/local/bin/node /bin/node\n`;
      await build(docker, { Dockerfile: link }, { t: officialBase.name, networkmode: "none" });
      return officialBase;
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : "unknown error";
      if (own === undefined) throw new Error(`the base image ${official} cannot be had: ${reason}`, { cause: thrown });
      progress(`the official Node image cannot be had (${reason})`);
    }
  }
  if (own === undefined) throw new Error(`the base image ${official} is out of reach; run: docker pull ${official}`);
  progress(`making a base image of Node ${process.version} from this machine`);
  const [repo, tag] = own.name.split(":");
  await finished(docker, await docker.importImage(await packOwn(), { repo, tag }));
  return own;
}

function baseOf(kind: Base["kind"], identity: string): Base {
  const key = createHash("sha256").update(identity).digest("hex");
  return { kind, key, name: `rewind/node-base:${kind}-${key.slice(0, 12)}` };
}

/** Whether the vendor's registry answers, be it only to ask who we are. */
async function isReachable(): Promise<boolean> {
  try {
    await fetch(hub, { signal: AbortSignal.timeout(4_000) });
    return true;
  } catch {
    return false;
  }
}

/** The files that `ldd` names in one of its lines: `libm.so.6 => /lib/libm.so.6 (0x…)` or `/lib64/ld.so.2 (0x…)`. */
export function librariesOf(lddOutput: string): string[] {
  return lddOutput.split("\n").flatMap((line) => {
    const [, file] = /(?:=>\s+|^\s+)(\/\S+)/.exec(line) ?? [];
    return file === undefined ? [] : [file];
  });
}

/** This machine's Node, then the loader and the libraries that it cannot start without. */
async function ownFiles(): Promise<string[]> {
  const { stdout } = await promisify(execFile)("ldd", [process.execPath]);
  const libraries = librariesOf(stdout);
  const libc = libraries.find((file) => path.basename(file) === "libc.so.6");
  // Before glibc 2.34, looking up a host's name loads these by name, so ldd does not know them.
  const lookup = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"];
  const added = libc === undefined ? [] : lookup.map((name) => path.join(path.dirname(libc), name));
  const present = await Promise.all(added.map((file) => stat(file).catch(() => undefined)));
  return [...new Set([process.execPath, ...libraries, ...added.filter((_, index) => present[index] !== undefined)])];
}

const texts: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nnode:x:1000:1000:node:/tmp:/sbin/nologin\n",
  "etc/group": "root:x:0:\nnode:x:1000:\n",
  // Without it glibc asks DNS first, even for localhost and for what Docker wrote into /etc/hosts.
  "etc/nsswitch.conf": "hosts: files dns\n",
};

/** The own base as a tar archive, written as Docker reads it: Node alone is a hundred megabytes. */
async function packOwn(): Promise<Readable> {
  const [node = process.execPath, ...libraries] = await ownFiles();
  const files = new Map([["bin/node", node], ...libraries.map((file) => [file.slice(1), file] as const)]);
  const folders = new Set([...files.keys(), ...Object.keys(texts)].flatMap(parentsOf));
  const archive = pack();
  const write = async (): Promise<void> => {
    for (const name of [...folders].sort()) await folder(archive, { name, mode: 0o755 });
    await folder(archive, { name: "tmp", mode: 0o1777 });
    for (const [name, text] of Object.entries(texts)) archive.entry({ name, mode: 0o644, mtime: new Date(0) }, text);
    for (const [name, file] of files) {
      const source = await realpath(file);
      const { size } = await stat(source);
      const entry = archive.entry({ name, size, mode: 0o755, mtime: new Date(0) });
      await pipeline(createReadStream(source), entry);
    }
    archive.finalize();
  };
  write().catch((thrown: unknown) => {
    archive.destroy(thrown instanceof Error ? thrown : new Error("the base image could not be packed"));
  });
  return Readable.from(archive);
}

function folder(archive: Pack, header: Pick<Header, "name" | "mode">): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry({ ...header, type: "directory", mtime: new Date(0) }, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

function parentsOf(name: string): string[] {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
