import { posix } from "node:path";
import type { PlainFiles } from "../records/project-file";
import { mayReplace, placeProblem, type BroughtKind } from "../release/brought";
import { limits } from "../release/limits";
import type { Settings } from "../release/parse";
import { printable } from "../release/problems";
import type { ReleaseId } from "../release/primitives";
import type { Release } from "../release/schema/release";

/** The files that the other checkout's releases name, each looked at before any is written. */
export class BroughtFiles {
  readonly brought = new Map<string, Buffer>();
  readonly problems: string[] = [];
  private total = 0;

  constructor(
    private readonly ours: PlainFiles,
    private readonly theirs: PlainFiles,
  ) {}

  here(path: string): Buffer {
    const bytes = this.ours.read(path, limits.fileBytes);
    if (bytes === undefined) throw new Error(`no file ${path}`);
    return bytes;
  }

  /**
   * The bytes of a file, which is brought where it is not the same here.
   * @throws Error with one line for people
   */
  bring(path: string, kind: BroughtKind): Buffer {
    const known = this.brought.get(path);
    if (known !== undefined) return known;
    const largest = Math.min(largestOf[kind], limits.broughtBytes - this.total);
    const bytes = this.theirs.read(path, largest);
    const present = this.ours.read(path, limits.broughtBytes);
    if (bytes === undefined) {
      if (present === undefined) throw new Error(`no file ${path}`);
      return present;
    }
    if (present?.equals(bytes) === true) return present;
    const problem = placeProblem(path, kind, this.ours.names(posix.dirname(path)));
    if (problem !== undefined) throw new Error(problem);
    if (present !== undefined && !mayReplace(path)) throw new Error(`${path} is another file in the base`);
    if (this.brought.size >= limits.broughtFiles) throw new Error(`more than ${limits.broughtFiles} files`);
    this.total += bytes.length;
    this.brought.set(path, bytes);
    return bytes;
  }

  /** Row files and signatures of releases, and migrations; what cannot be brought is a problem. */
  bringAll({ releases, release, pins, environment }: Settings, changed: readonly ReleaseId[]): void {
    const records = [...new Set([...changed, release, ...Object.values(pins)])].flatMap((id) => releases.get(id) ?? []);
    for (const path of records.flatMap(rowFilesOf)) this.attempt(() => this.bring(path, "rows"));
    const { database, signatures } = environment;
    for (const { body } of Object.values(database?.functions ?? {})) {
      if (typeof body !== "string")
        this.attempt(() => {
          this.unchanged(body.file);
        });
    }
    const folder = database?.migrations?.folder;
    if (folder !== undefined)
      this.attempt(() => {
        this.bringMigrations(folder);
      });
    const bundles = signatures?.bundles;
    if (bundles !== undefined)
      this.attempt(() => {
        this.bringSignatures(bundles, records);
      });
  }

  private bringMigrations(folder: string): void {
    const listed = [this.theirs, this.ours].flatMap((files) => files.list(folder, limits.broughtFiles));
    for (const path of new Set(listed.filter((each) => /\.sql$/i.test(each)))) {
      this.attempt(() => {
        if (this.theirs.read(path, largestOf.migration) === undefined) throw new Error(`${path} is gone`);
        this.bring(path, "migration");
      });
    }
  }

  private bringSignatures(folder: string, records: readonly Release[]): void {
    const images = records.flatMap(({ services, functions }) => [
      ...Object.values(services ?? {}),
      ...Object.values(functions ?? {}),
    ]);
    const digests = new Set(images.flatMap(({ image }) => /@sha256:([0-9a-f]{64})$/.exec(image ?? "")?.[1] ?? []));
    for (const path of this.theirs.list(folder, limits.broughtFiles)) {
      const name = path.slice(folder.length + 1);
      if (!digests.has(name.slice(0, 64)) || !name.endsWith(".sigstore.json") || name.includes("/")) continue;
      this.attempt(() => this.bring(path, "signature"));
    }
  }

  /** The environment names it, so it is not for a release to bring. */
  private unchanged(path: string): void {
    const [theirs, ours] = [this.theirs, this.ours].map((files) => files.read(path, largestOf.migration));
    if (theirs?.equals(ours ?? Buffer.alloc(0)) !== true) throw new Error(`${path} differs from the base`);
  }

  private attempt(work: () => unknown): void {
    try {
      work();
    } catch (error) {
      this.problems.push(printable(error instanceof Error ? error.message : String(error)));
    }
  }
}

const largestOf: Readonly<Record<BroughtKind, number>> = {
  release: limits.fileBytes,
  rows: limits.broughtBytes,
  migration: limits.migrationBytes,
  signature: 256 * 1024,
};

const rowFilesOf = ({ config }: Release): string[] =>
  Object.values(config ?? {}).flatMap((table) => ("file" in table ? [table.file] : []));
