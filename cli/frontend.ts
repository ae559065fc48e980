import { refuseWhileStopped } from "./apply";
import { openClients } from "../checks/clients";
import { publish, UnfitFolder } from "../builds/publish";
import { exitCodes } from "./exit-codes";
import type { FrontendPublishJson } from "./json/frontend";
import { Refusal, type VerbResult } from "./result";
import { open, type Where } from "./stack";

/** `rewind frontend publish`: puts a build into the stack's object store and says the digest that a release pins. */
export async function publishFrontend(
  where: Where,
  folder: string,
  name: string,
  signal: AbortSignal,
): Promise<VerbResult<FrontendPublishJson>> {
  const stack = await open(where);
  refuseWhileStopped(stack);
  const { settings, secrets } = stack;
  const { frontends = {}, objectStore, name: environment } = settings.environment;
  const place = Object.hasOwn(frontends, name) ? frontends[name] : undefined;
  if (place === undefined) {
    const [first, ...others] = Object.keys(frontends);
    throw new Refusal(
      `the environment ${environment} has no frontend ${name}; it has ${[first ?? "none", ...others].join(", ")}`,
      first === undefined
        ? "name it under rewind:environment.frontends"
        : `rewind frontend publish ${folder} --name ${first}`,
    );
  }
  const bucket = objectStore?.buckets[place.bucket] ?? place.bucket;
  const clients = openClients(settings.environment, secrets);
  try {
    const published = await publish(clients.objectStore("own"), bucket, folder, signal);
    const { build, files, bytes, sent } = published;
    if (sent > 0) stack.log.append({ kind: "audit", act: "publish", what: `${name}: ${build} into ${bucket}` });
    const what = sent === 0 ? "is there already" : `${sent} of ${files} files sent, ${bytes} bytes in all`;
    const text = [
      build,
      `${bucket}: ${what}`,
      "Pin it in a release:",
      `  frontend: { ${name}: { build: "${build}" } }`,
    ];
    return { code: exitCodes.ok, text: text.join("\n"), json: { name, bucket, ...published } };
  } catch (error) {
    if (error instanceof UnfitFolder)
      throw new Refusal(error.message, `rewind frontend publish <folder> --name ${name}`);
    if (error instanceof Error && error.name === "NoSuchBucket") {
      throw new Refusal(
        `the object store has no bucket ${bucket}`,
        `make it, or correct environment.frontends.${name}.bucket`,
      );
    }
    throw error;
  } finally {
    await clients.close();
  }
}
