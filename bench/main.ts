import { join } from "node:path";
import { down } from "../local/environment";
import { backupFigures } from "./backup";
import { catalogueFigures } from "./catalogue";
import { figureOf } from "./figure";
import {
  benchOptions,
  checkout,
  closeBench,
  flip,
  openBench,
  output,
  print,
  pulumi as engine,
  runs,
  time,
  writeBareProject,
  type Target,
} from "./project";
import { logFigures } from "./log";
import { operatorFigures } from "./operator";
import { previewFigures } from "./preview";
import { rowFigures } from "./rows";
import { scaleFigure } from "./scale";
import { serviceFigures } from "./services";

async function main(): Promise<void> {
  for (const figure of await catalogueFigures(runs)) print(figure);
  for (const figure of await operatorFigures(runs)) print(figure);
  for (const figure of await logFigures(runs)) print(figure);
  const { environment, env, stackFile } = await openBench();
  const theirs = writeBareProject(stackFile);
  const secrets = await output("pulumi", ["config", "get", "secrets", "--stack", "bench"], checkout, env);
  await output("pulumi", ["stack", "select", "--create", "bare"], theirs.cwd, env);
  await output(
    "pulumi",
    ["config", "set", "--secret", "rewind:secrets", "--stack", "bare"],
    theirs.cwd,
    env,
    withBareNames(secrets),
  );

  const ours = { cwd: checkout, stack: "bench", file: stackFile };
  const pulumi = (target: Target, ...args: string[]): Promise<number> => engine(target, env, ...args);
  const applying = ["up", "--yes", "--skip-preview"];
  for (const target of [ours, theirs]) {
    flip(target, "v1.2.1");
    await pulumi(target, ...applying);
  }
  const taken: Record<string, number[]> = {};
  const note = (name: string, milliseconds: number): void => void (taken[name] ??= []).push(milliseconds);
  for (let round = 0; round < runs; round += 1) {
    for (const target of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) {
      flip(target, round % 2 === 0 ? "v1.2.0" : "v1.2.1");
      note(`preview ${target.stack}`, await pulumi(target, "preview"));
    }
    for (const target of round % 2 === 0 ? [theirs, ours] : [ours, theirs]) {
      note(`up ${target.stack}`, await pulumi(target, ...applying));
    }
  }
  for (const kind of ["preview", "up"]) {
    print(figureOf(`${kind} of the flip`, taken[`${kind} bench`] ?? [], taken[`${kind} bare`] ?? [], 1.25));
  }
  for (let round = 0; round < runs; round += 1) {
    const release = round % 2 === 0 ? "v1.2.1" : "v1.2.0";
    // From the decision to the verdict, backup and report included; by hand there is a preview before the update, too.
    flip(ours, release === "v1.2.1" ? "v1.2.0" : "v1.2.1");
    await pulumi(ours, ...applying);
    const rewind = [join(checkout, "cli", "rewind.js"), "rollback", release, "--yes", "--stack", "bench"];
    note("rollback", await time(process.execPath, rewind, checkout, env));
    flip(theirs, release === "v1.2.1" ? "v1.2.0" : "v1.2.1");
    await pulumi(theirs, ...applying);
    flip(theirs, release);
    note("by hand", await pulumi(theirs, "up", "--yes"));
  }
  print(figureOf("decision to verified, against pulumi up", taken.rollback ?? [], taken["by hand"] ?? [], 1.5));
  for (const figure of await previewFigures(ours, env, runs)) print(figure);
  for (const target of [ours, theirs]) await pulumi(target, "destroy", "--yes", "--skip-preview");
  for (const figure of await rowFigures(environment.postgres, ".rewind-bench/rows", runs)) print(figure);

  for (const figure of await backupFigures(environment.postgres, runs)) print(figure);

  const warm: number[] = [];
  for (let round = 0; round < runs; round += 1) {
    await down(benchOptions);
    warm.push(
      await time(
        process.execPath,
        [join(checkout, "cli", "rewind.js"), "local", "up", "--stack", "bench"],
        checkout,
        benchOptions.env,
      ),
    );
  }
  print(
    figureOf(
      "warm rewind local up",
      warm,
      warm.map(() => 5_000),
      1,
    ),
  );
  await closeBench();
  await serviceFigures();
  print(await scaleFigure(Math.min(runs, 3)));
}

/** The workload's database URL names the database and the role. */
function withBareNames(secrets: string): string {
  return secrets.replaceAll("postgres://scoring_app:", "postgres://bare_app:").replaceAll('/scoring"', '/bare"');
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
