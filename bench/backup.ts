import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { up, type LocalEnvironment } from "../local/environment";
import { dumpDatabase } from "../recovery/backups/dump";
import { dropDatabase } from "../recovery/backups/swap";
import { isReadable, readBackup, type Backup } from "../recovery/backups/read";
import { problemsOf } from "../recovery/backups/verify";
import { writeBackup } from "../recovery/backups/write";
import { connected, type Server } from "../recovery/server";
import { timed } from "./catalogue";
import { figureOf, type Figure } from "./figure";
import { benchOptions, closeBench, home, runs, time } from "./project";

/** Rows of about half a kilobyte, half of which compresses. */
const rows = 150_000;
/** What is verified is larger than what fits into a moment. */
const megabytes = 400;

/**
 * A backup of a database against pg_dump into a file and sha256sum of it; and the verification of a backup against
 * sha256sum of the same files. Turn by turn. Empty where PostgreSQL has no tools of its own.
 */
export async function backupFigures(postgres: LocalEnvironment["postgres"], runs: number): Promise<Figure[]> {
  const programs = postgres.recovery?.programs;
  if (programs === undefined) return [];
  const { host, port, user, password } = postgres;
  const server: Server = { host, port, user, password, database: "bench_backup", sslmode: "disable" };
  mkdirSync(home, { recursive: true });
  const folder = mkdtempSync(join(home, "backups-"));
  try {
    await fill(server);
    const made = await turns(
      runs,
      () => ours(server, programs, join(folder, "ours")),
      () => theirs(server, programs, folder),
    );
    const big = await bigBackup(join(folder, "big"));
    const verified = await turns(
      runs,
      () => {
        if (problemsOf(big).length > 0) throw new Error("the backup was not found to be whole");
        return Promise.resolve();
      },
      () => time("sha256sum", ["--quiet", "-c", "checksums/SHA256SUMS"], big.place, process.env),
    );
    return [
      figureOf("backup, against pg_dump and sha256sum", made.ours, made.theirs, 1.2),
      figureOf(`verification of a backup of ${megabytes} MB, against sha256sum`, verified.ours, verified.theirs, 1.3),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await dropDatabase(server, server.database);
  }
}

/** Both in turn, the first round for warming up. */
async function turns(runs: number, ours: () => Promise<unknown>, theirs: () => Promise<unknown>) {
  const taken: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  for (let round = 0; round <= runs; round += 1) {
    const order = [["ours", ours] as const, ["theirs", theirs] as const];
    for (const [name, work] of round % 2 === 0 ? order : order.reverse()) {
      const took = await timed(work);
      if (round > 0) taken[name].push(took);
    }
  }
  return taken;
}

async function fill(server: Server): Promise<void> {
  await dropDatabase(server, server.database);
  await connected({ ...server, database: "postgres" }, (client) => client.query(`create database ${server.database}`));
  await connected(server, async (client) => {
    await client.query(
      `create table customers as select n as id, md5(n::text) || md5((-n)::text) as token, repeat('address ', 40) as address,
         now() as made from generate_series(1, ${rows}) n`,
    );
    for (const sql of ["alter table customers add primary key (id)", "vacuum analyze customers", "checkpoint"]) {
      await client.query(sql);
    }
  });
}

async function ours(server: Server, programs: string, folder: string): Promise<void> {
  const facts = { stack: "bench", at: new Date().toISOString(), occasion: "request" } as const;
  const { place } = await writeBackup(folder, facts, async (staging) => ({
    name: server.database,
    ...(await dumpDatabase({ server, programs }, (dump) => staging.add("database/bench.dump", dump))),
  }));
  rmSync(place, { recursive: true });
}

async function theirs({ host, port, user, password, database }: Server, programs: string, folder: string) {
  const file = join(folder, "theirs.dump");
  const args = [
    "--format=custom",
    "--host",
    host,
    "--port",
    String(port),
    "--username",
    user,
    "--file",
    file,
    database,
  ];
  await time(join(programs, "pg_dump"), args, folder, { ...process.env, PGPASSWORD: password });
  await time("sha256sum", [file], folder, process.env);
  rmSync(file);
}

async function bigBackup(folder: string): Promise<Backup> {
  const facts = { stack: "bench", at: new Date().toISOString(), occasion: "request" } as const;
  const block = randomBytes(1 << 20);
  const { place } = await writeBackup(folder, facts, async (staging) => {
    for (let file = 0; file < megabytes / 100; file += 1) {
      await staging.add(
        `extra/${file}`,
        (async function* () {
          for (let at = 0; at < 100; at += 1) yield await Promise.resolve(block);
        })(),
      );
    }
    return undefined;
  });
  const backup = readBackup(place);
  if (!isReadable(backup)) throw new Error(backup.reason);
  return backup;
}

if (require.main === module) {
  void up(benchOptions)
    .then(({ postgres }) => backupFigures(postgres, runs))
    .then((figures) => {
      for (const figure of figures) process.stdout.write(`${JSON.stringify(figure)}\n`);
      return closeBench();
    });
}
