import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { releaseText } from "../cli/catalogue-file";
import type { LocalEnvironment } from "../local/environment";
import { digestOf } from "../release/canonical";
import { figureOf, type Figure } from "./figure";
import { checkout, closeBench, flip, home, openBench, output, print, pulumi, runs, type Target } from "./project";

/** Each of them is four resources: the bucket, who owns its objects, their versions, and its policy. */
const buckets = Array.from(
  { length: Number(process.env.REWIND_BENCH_RESOURCES ?? 1_000) / 4 },
  (_, at) => `b${String(at).padStart(3, "0")}`,
);
const resources = 4 * buckets.length;
/** What the application may do by release: a flip changes every policy. */
const actions = { v1: ["s3:GetObject"], v2: ["s3:GetObject", "s3:PutObject"] };

/** A release that pins every bucket, as Rewind has it. */
function releaseOf(Action: readonly string[]) {
  const policy = {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { AWS: "${principal.application}" },
        Action,
        Resource: "arn:aws:s3:::${bucket}/documents/*",
      },
    ],
  };
  return { storage: Object.fromEntries(buckets.map((name) => [name, { versioning: true, policy }])) };
}

/** A project of its own below the benchmark's folder, with this checkout's packages. */
function writeProject(name: string, index: string, config: Record<string, unknown>): Target {
  const cwd = join(home, name);
  rmSync(cwd, { recursive: true, force: true });
  mkdirSync(cwd, { recursive: true });
  const project = readFileSync(join(checkout, "Pulumi.yaml"), "utf8");
  writeFileSync(join(cwd, "Pulumi.yaml"), project.replace(/^name: .*/m, `name: ${name}`));
  writeFileSync(join(cwd, "index.ts"), index);
  for (const link of ["stacks", "node_modules", "typescript.js"]) symlinkSync(join(checkout, link), join(cwd, link));
  const file = join(cwd, `Pulumi.${name}.yaml`);
  writeFileSync(file, stringify({ config }));
  return { cwd, stack: name, file };
}

/** The stack as Rewind has it: the releases in files, pinned by their digest. */
function writeOurs({ objectStore, registry, docker }: LocalEnvironment): Target {
  const releases = Object.entries(actions).map(([id, allowed]) => [id, releaseOf(allowed)] as const);
  const { endpoint, region, application } = objectStore;
  const ours = writeProject("scale", readFileSync(join(checkout, "index.ts"), "utf8"), {
    "rewind:release": "v1",
    "rewind:releases": Object.fromEntries(
      releases.map(([id, release]) => [id, { file: `releases/${id}.yaml`, digest: digestOf(release) }]),
    ),
    "rewind:environment": {
      name: "scale",
      kind: "local",
      registry: registry.address,
      docker: { host: docker.host },
      objectStore: {
        endpoint,
        region,
        credentials: { accessKey: "store-access-key", secretKey: "store-secret-key" },
        principals: { application: application.accessKey },
        // Each policy is read back. Trying it as everybody is a test, of which the bare program has none.
        untried: { reason: "the figure is of what a resource costs" },
        buckets: Object.fromEntries(buckets.map((name) => [name, `scale-${name}`])),
      },
    },
  });
  mkdirSync(join(ours.cwd, "releases"));
  for (const [id, release] of releases) writeFileSync(join(ours.cwd, "releases", `${id}.yaml`), releaseText(release));
  return ours;
}

/** The same resources as one would write them down without Rewind. */
function writeTheirs({ objectStore }: LocalEnvironment): Target {
  const { endpoint, region, accessKey, secretKey, application } = objectStore;
  const provider = {
    region,
    accessKey,
    secretKey,
    endpoints: [{ s3: endpoint }],
    s3UsePathStyle: true,
    skipCredentialsValidation: true,
    skipMetadataApiCheck: true,
    skipRegionValidation: true,
    skipRequestingAccountId: true,
  };
  const index = `import * as s3 from "@pulumi/aws/s3";
import { Provider } from "@pulumi/aws/provider";
import * as pulumi from "@pulumi/pulumi";

const actions = ${JSON.stringify(actions)};
const Action = actions[new pulumi.Config("rewind").require("release")];
const options = { provider: new Provider("object-store", ${JSON.stringify(provider)}) };
for (const name of ${JSON.stringify(buckets)}) {
  const { bucket } = new s3.Bucket(name, { bucket: \`bare-\${name}\`, forceDestroy: true }, options);
  const rule = { objectOwnership: "BucketOwnerEnforced" };
  const ownership = new s3.BucketOwnershipControls(name, { bucket, rule }, options);
  new s3.BucketVersioning(name, { bucket, versioningConfiguration: { status: "Enabled" } }, options);
  const Resource = \`arn:aws:s3:::bare-\${name}/documents/*\`;
  const Statement = [{ Effect: "Allow", Principal: { AWS: "${application.accessKey}" }, Action, Resource }];
  const policy = JSON.stringify({ Version: "2012-10-17", Statement });
  new s3.BucketPolicy(name, { bucket, policy }, { ...options, dependsOn: [ownership] });
}
`;
  return writeProject("bare", index, { "rewind:release": "v1" });
}

/** The flip of a stack of a thousand resources, of which every fourth changes, against the bare program. */
export async function scaleFigure(rounds: number): Promise<Figure> {
  try {
    const { environment, env } = await openBench();
    const [ours, theirs] = [writeOurs(environment), writeTheirs(environment)];
    const { accessKey, secretKey } = environment.objectStore;
    for (const { stack, cwd } of [ours, theirs]) {
      await output("pulumi", ["stack", "select", "--create", stack], cwd, env);
    }
    const secrets = JSON.stringify({ "store-access-key": accessKey, "store-secret-key": secretKey });
    await output("pulumi", ["config", "set", "--secret", "rewind:secrets", "--stack", "scale"], ours.cwd, env, secrets);
    const up = (target: Target): Promise<number> => pulumi(target, env, "up", "--yes", "--skip-preview");
    const taken: Record<string, number[]> = { [ours.stack]: [], [theirs.stack]: [] };
    for (const target of [ours, theirs]) await up(target);
    for (let round = 0; round < rounds; round += 1) {
      for (const target of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) {
        flip(target, round % 2 === 0 ? "v2" : "v1");
        taken[target.stack]?.push(await up(target));
      }
    }
    // The buckets go with the object store.
    for (const { cwd } of [ours, theirs]) rmSync(cwd, { recursive: true, force: true });
    const name = `flip of a stack of ${resources} resources`;
    return figureOf(name, taken[ours.stack] ?? [], taken[theirs.stack] ?? [], 1.1);
  } finally {
    await closeBench();
  }
}

if (require.main === module) {
  scaleFigure(runs)
    .then(print)
    .catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    });
}
