import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { BuildPath, manifestOf, type BuildFile, type Manifest } from "../release/frontend-build";
import { quote } from "../release/primitives";
import { contentTypeOf } from "./content-types";

/** A folder that cannot be a build. */
export class UnfitFolder extends Error {
  override readonly name = "UnfitFolder";
}

const mostFiles = 20_000;
const mostBytes = 1024 ** 3;
/** Which has no such flags, and no pipes among files. */
const onWindows = process.platform === "win32";
const largestFile = 100 * 1024 ** 2;

/** A build as it lies in a folder. */
export interface FolderBuild {
  readonly manifest: Manifest;
  /** The bytes of one file, once more. @throws UnfitFolder when they are not those of the manifest any more */
  readonly read: (file: BuildFile) => Promise<Buffer>;
}

/**
 * Reads the folder of a build: every file with its SHA-256.
 * @throws UnfitFolder for whatever cannot be published as it is: links that lead out, devices, names that a URL or
 * another file system would read differently, files that change while they are read, an empty or a huge folder
 */
export async function readFolder(folder: string): Promise<FolderBuild> {
  const root = await realpath(folder).catch(() => {
    throw new UnfitFolder(`${folder}: no such folder`);
  });
  if (!(await stat(root)).isDirectory()) throw new UnfitFolder(`${folder}: not a folder`);
  const places = await placesIn(root);
  if (places.size === 0) throw new UnfitFolder(`${folder}: there is no file in it`);
  refuseCollisions([...places.keys()]);
  const files: BuildFile[] = [];
  let total = 0;
  for (const [path, place] of places) {
    const bytes = await readSteadily(path, place);
    total += bytes.length;
    if (total > mostBytes) throw new UnfitFolder(`${folder}: more than ${mostBytes} bytes in all`);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    files.push({ path, sha256, bytes: bytes.length, contentType: contentTypeOf(path) });
  }
  return {
    manifest: manifestOf(files),
    read: async ({ path, sha256 }) => {
      const bytes = await readSteadily(path, places.get(path) ?? join(root, path));
      if (createHash("sha256").update(bytes).digest("hex") !== sha256) throw changed(path);
      return bytes;
    },
  };
}

/** Every file below the folder: its path in the build, and where it really lies. */
async function placesIn(root: string): Promise<Map<string, string>> {
  const places = new Map<string, string>();
  const walk = async (folder: string, prefix: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${prefix}${entry.name}`;
      const named = BuildPath.safeParse(path);
      if (!named.success) throw new UnfitFolder(`${quote(path)}: ${named.error.issues[0]?.message ?? "unfit"}`);
      const place = join(folder, entry.name);
      if (entry.isDirectory()) await walk(place, `${path}/`);
      else places.set(path, entry.isSymbolicLink() ? await targetOf(root, path, place) : place);
      if (places.size > mostFiles) throw new UnfitFolder(`more than ${mostFiles} files`);
    }
  };
  await walk(root, "");
  return places;
}

/** Where a link inside the folder leads: to a file of the same folder, or it is refused. */
async function targetOf(root: string, path: string, link: string): Promise<string> {
  const target = await realpath(link).catch(() => undefined);
  if (target === undefined) throw new UnfitFolder(`${path}: a link that leads nowhere`);
  if (!target.startsWith(root + sep)) throw new UnfitFolder(`${path}: a link that leads out of the folder`);
  if ((await stat(target)).isDirectory()) throw new UnfitFolder(`${path}: a link to a folder; copy the folder instead`);
  return target;
}

/** Two names that differ in nothing but case are one file on some machines, and somebody's build would lack one. */
function refuseCollisions(paths: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const path of paths) {
    // Folders, too: `Assets/a.js` and `assets/b.js` end in one folder.
    const parts = path.split("/");
    for (let length = 1; length <= parts.length; length += 1) {
      const exact = parts.slice(0, length).join("/");
      const before = seen.get(exact.toLowerCase()) ?? exact;
      if (before !== exact) throw new UnfitFolder(`${before} and ${exact} differ in nothing but case`);
      seen.set(exact.toLowerCase(), exact);
    }
  }
}

/** A file's bytes, if it stayed as it was from the first to the last of them. */
async function readSteadily(path: string, place: string): Promise<Buffer> {
  // Neither a link that was put in its place since nor a pipe that would never end.
  const flags = constants.O_RDONLY | (onWindows ? 0 : constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const file = await open(place, flags).catch((error: unknown) => {
    throw new UnfitFolder(`${path}: ${error instanceof Error ? error.message : "unreadable"}`);
  });
  try {
    const before = await file.stat();
    if (!before.isFile()) throw new UnfitFolder(`${path}: not a regular file`);
    if (before.size > largestFile) throw new UnfitFolder(`${path}: larger than ${largestFile} bytes`);
    const bytes = await file.readFile();
    if (!same(before, await file.stat()) || bytes.length !== before.size) throw changed(path);
    return bytes;
  } finally {
    await file.close();
  }
}

function same(before: Stats, after: Stats): boolean {
  return before.ino === after.ino && before.size === after.size && before.mtimeMs === after.mtimeMs;
}

const changed = (path: string): UnfitFolder => new UnfitFolder(`${path}: it changed while it was read; build again`);
