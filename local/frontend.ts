import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { CreateBucketCommand, PutBucketPolicyCommand, S3Client } from "@aws-sdk/client-s3";
import { publish } from "../builds/publish";
import type { Digest } from "../release/primitives";
import { versions, type Version } from "./images";
import type { ObjectStore } from "./parts/object-store";

/** The bucket of the example's frontend: nothing lies in it but builds, which everybody may read. */
export const frontendBucket = "scoring-frontend";
/** Each version's build, by digest. */
export type Builds = Record<Version, Digest>;

const root = path.resolve(__dirname, "..");
const sources = path.join(root, "examples/scoring/frontend");

/**
 * Builds the example's frontend in each of its versions and publishes them into the embedded object store, as
 * `rewind frontend publish` does. What is there already stays as it is. Takes a tenth of a second per version.
 *
 * @param folder where the built files are laid
 */
export async function publishFrontends(
  store: Pick<ObjectStore, "endpoint" | "region" | "accessKey" | "secretKey">,
  folder: string,
): Promise<Builds> {
  const client = new S3Client({
    endpoint: store.endpoint,
    region: store.region,
    forcePathStyle: true,
    credentials: { accessKeyId: store.accessKey, secretAccessKey: store.secretKey },
  });
  try {
    await makeBucket(client);
    const builds: Partial<Builds> = {};
    for (const version of versions) {
      const into = path.join(folder, version);
      await buildFrontend(version, into);
      builds[version] = (await publish(client, frontendBucket, into)).build;
    }
    return builds as Builds;
  } finally {
    client.destroy();
  }
}

/** One version as files in an empty folder; the same sources give the same bytes on every machine. */
export async function buildFrontend(version: Version, folder: string): Promise<void> {
  // Loaded here: a start that finds everything built does not need it.
  const { build } = await import("esbuild");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { app: path.join(sources, "releases", `${version}.js`) },
    entryNames: "assets/[name]-[hash]",
    outdir: folder,
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    charset: "utf8",
    write: false,
    logLevel: "silent",
  });
  const made = new Map<string, string>();
  for (const { path: file, contents } of outputFiles) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, contents);
    made.set(path.extname(file), `/${path.relative(folder, file).replaceAll(path.sep, "/")}`);
  }
  const template = await readFile(path.join(sources, "index.html"), "utf8");
  const page = template.replace("%SCRIPT%", made.get(".js") ?? "").replace("%STYLE%", made.get(".css") ?? "");
  await writeFile(path.join(folder, "index.html"), page);
}

/** The proxy asks for builds as anybody would. Nobody may list them, and nobody but their owner may write. */
async function makeBucket(client: S3Client): Promise<void> {
  const Bucket = frontendBucket;
  await client.send(new CreateBucketCommand({ Bucket })).catch((error: unknown) => {
    const { name } = error as Error;
    if (name !== "BucketAlreadyOwnedByYou" && name !== "BucketAlreadyExists") throw error;
  });
  const Resource = `arn:aws:s3:::${Bucket}/builds/*`;
  const everybodyReads = { Sid: "EverybodyReads", Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [everybodyReads] });
  await client.send(new PutBucketPolicyCommand({ Bucket, Policy }));
}
