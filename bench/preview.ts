import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { figureOf, type Figure } from "./figure";
import { checkout, closeBench, flip, home, openBench, print, pulumi, runs, time, type Target } from "./project";

/** What the program is made of. `typescript.js` is there for the process that runs dynamic providers alone. */
const parts = ["checks", "examples", "index.ts", "package.json", "records", "release", "stacks", "tsconfig.json"];

/** The same program and stack in a project whose TypeScript the engine loads as it does by default, types checked. */
function writeStockProject({ stack, file }: Target): Target {
  const cwd = join(home, "stock");
  rmSync(cwd, { recursive: true, force: true });
  mkdirSync(cwd, { recursive: true });
  for (const part of [...parts, "typescript.js"]) cpSync(join(checkout, part), join(cwd, part), { recursive: true });
  for (const link of ["node_modules", ".rewind"]) symlinkSync(join(checkout, link), join(cwd, link));
  writeFileSync(join(cwd, "Pulumi.yaml"), "name: rewind\nmain: index.ts\nruntime: nodejs\n");
  const copy = join(cwd, `Pulumi.${stack}.yaml`);
  writeFileSync(copy, readFileSync(file, "utf8"));
  return { cwd, stack, file: copy };
}

/** The preview of a rollback through `rewind`, against `pulumi preview` of the same flip in a stock project. */
export async function previewFigure(ours: Target, env: NodeJS.ProcessEnv, runs: number): Promise<Figure> {
  const [from, to] = ["v1.2.1", "v1.2.0"] as const;
  flip(ours, from);
  await pulumi(ours, env, "up", "--yes", "--skip-preview");
  const stock = writeStockProject(ours);
  flip(stock, to);
  const rewind = [join(checkout, "cli", "rewind.js"), "preview", to, "--stack", ours.stack];
  const taken: Record<"ours" | "stock", number[]> = { ours: [], stock: [] };
  const turns = {
    ours: () => time(process.execPath, rewind, checkout, env),
    stock: () => pulumi(stock, env, "preview"),
  };
  for (let round = 0; round < runs; round += 1) {
    for (const turn of round % 2 === 0 ? (["ours", "stock"] as const) : (["stock", "ours"] as const)) {
      taken[turn].push(await turns[turn]());
    }
  }
  rmSync(stock.cwd, { recursive: true, force: true });
  return figureOf("preview through rewind, against stock pulumi preview", taken.ours, taken.stock, 0.7);
}

async function main(): Promise<void> {
  try {
    const { env, stackFile } = await openBench();
    const ours: Target = { cwd: checkout, stack: "bench", file: stackFile };
    print(await previewFigure(ours, env, runs));
    await pulumi(ours, env, "destroy", "--yes", "--skip-preview");
  } finally {
    await closeBench();
  }
}

if (require.main === module) void main();
