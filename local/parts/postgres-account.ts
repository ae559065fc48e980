import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { type Context, folderOf } from "../part";
import { run } from "../run";
import { PartUnavailable } from "../source";

/** Who runs the server, and a folder that this user can reach. */
export interface Account {
  /** Empty when we run the server ourselves. */
  readonly ids: { readonly uid?: number; readonly gid?: number };
  readonly folder: string;
  /** Hands a file to the server's user. */
  readonly own: (file: string) => void;
  /** The folder of the server's programs, or a copy where that user can reach it. */
  readonly readable: (bin: string) => string;
}

/** A server refuses to run as root, so root runs it as the user `postgres`, who is made if there is none. */
export async function serverAccount(context: Context): Promise<Account> {
  const folder = folderOf(context, "postgres");
  if (!context.machine.root) return { ids: {}, folder, own: () => undefined, readable: (bin) => bin };
  const ids = await postgresUser();
  const own = (file: string): void => {
    try {
      fs.chownSync(file, ids.uid, ids.gid);
    } catch {
      throw new PartUnavailable(
        "postgres",
        "it does not run as root, and here root may not hand a file to another user",
      );
    }
  };
  const reaches = (file: string): boolean =>
    spawnSync("test", ["-x", file], { uid: ids.uid, gid: ids.gid, cwd: "/" }).status === 0;
  // The folder itself must let the user pass to what is inside; what is inside is the user's alone.
  fs.chmodSync(folder, 0o711);
  const place = reaches(folder) ? folder : elsewhere(context, folder);
  fs.mkdirSync(path.join(place, "own"), { recursive: true, mode: 0o700 });
  own(path.join(place, "own"));
  return {
    ids,
    folder: path.join(place, "own"),
    own,
    readable: (bin) => {
      if (reaches(path.join(bin, "postgres"))) return bin;
      const copy = path.join(elsewhere(context, folder), "programs");
      if (!fs.existsSync(copy)) {
        const temporary = `${copy}.new`;
        fs.rmSync(temporary, { recursive: true, force: true });
        fs.cpSync(path.dirname(bin), temporary, { recursive: true, verbatimSymlinks: true });
        fs.renameSync(temporary, copy);
      }
      return path.join(copy, "bin");
    },
  };
}

/** The place outside the checkout, and a link to it in the state folder, so that `--purge` finds it. */
export const elsewhereLink = "elsewhere";

/** Where a checkout below a closed folder (`/root`, say) keeps what the server's user must reach. */
function elsewhere(context: Pick<Context, "id">, folder: string): string {
  const place = path.join("/var/tmp", `rewind-${context.id}`);
  fs.mkdirSync(place, { recursive: true, mode: 0o711 });
  if (fs.lstatSync(place).uid !== process.getuid?.() || fs.lstatSync(place).isSymbolicLink()) {
    throw new Error(`${place} belongs to somebody else`);
  }
  fs.chmodSync(place, 0o711);
  const link = path.join(folder, elsewhereLink);
  if (!fs.existsSync(link)) fs.symlinkSync(place, link);
  return place;
}

async function postgresUser(): Promise<{ uid: number; gid: number }> {
  const known = /^postgres:[^:]*:(\d+):(\d+):/m.exec(fs.readFileSync("/etc/passwd", "utf8"));
  if (known === null) {
    await run("useradd", ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "postgres"]);
    return await postgresUser();
  }
  return { uid: Number(known[1]), gid: Number(known[2]) };
}
