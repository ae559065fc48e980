import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { figureOf, type Figure } from "./figure";
import {
  checkout,
  closeBench,
  copyRooms,
  flip,
  home,
  openBench,
  print,
  pulumi,
  runs,
  time,
  type Target,
} from "./project";

/** What the program is made of beside its rooms. `typescript.js` is there for the process that runs dynamic providers alone. */
const parts = ["examples", "index.ts", "package.json", "tsconfig.json", "typescript.js"];

/** The same program and stack in a project whose TypeScript the engine loads as it does by default, types checked. */
function writeStockProject({ stack, file }: Target): Target {
  const cwd = join(home, "stock");
  rmSync(cwd, { recursive: true, force: true });
  mkdirSync(cwd, { recursive: true });
  copyRooms(cwd);
  for (const part of parts) cpSync(join(checkout, part), join(cwd, part), { recursive: true });
  for (const link of ["node_modules", ".rewind"]) symlinkSync(join(checkout, link), join(cwd, link));
  writeFileSync(join(cwd, "Pulumi.yaml"), "name: rewind\nmain: index.ts\nruntime: nodejs\n");
  const copy = join(cwd, `Pulumi.${stack}.yaml`);
  writeFileSync(copy, readFileSync(file, "utf8"));
  return { cwd, stack, file: copy };
}

/**
 * The preview of a rollback through `rewind`, against `pulumi preview` of the same flip in a stock project: one that
 * compiles, as on a fresh runner, and one that finds what the one before it compiled. Nothing but compiling is saved there.
 */
export async function previewFigures(ours: Target, env: NodeJS.ProcessEnv, runs: number): Promise<Figure[]> {
  const [from, to] = ["v1.2.1", "v1.2.0"] as const;
  flip(ours, from);
  await pulumi(ours, env, "up", "--yes", "--skip-preview");
  const stock = writeStockProject(ours);
  flip(stock, to);
  const rewind = [join(checkout, "cli", "rewind.js"), "preview", to, "--stack", ours.stack];
  const compiled = join(home, "compiled");
  const stocked = () => pulumi(stock, { ...env, TS_NODE_CACHE_DIRECTORY: compiled }, "preview");
  const [through, compiling, again]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < runs; round += 1) {
    through.push(await time(process.execPath, rewind, checkout, env));
    rmSync(compiled, { recursive: true, force: true });
    compiling.push(await stocked());
    again.push(await stocked());
  }
  for (const folder of [stock.cwd, compiled]) rmSync(folder, { recursive: true, force: true });
  return [
    figureOf("preview through rewind, against stock pulumi preview", through, compiling, 0.7),
    figureOf("preview through rewind, against stock pulumi preview that was compiled before", through, again, 1.25),
  ];
}

async function main(): Promise<void> {
  try {
    const { env, stackFile } = await openBench();
    const ours: Target = { cwd: checkout, stack: "bench", file: stackFile };
    for (const figure of await previewFigures(ours, env, runs)) print(figure);
    await pulumi(ours, env, "destroy", "--yes", "--skip-preview");
  } finally {
    await closeBench();
  }
}

if (require.main === module) {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}
