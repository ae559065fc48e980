import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { CloudFrontClient, CreateInvalidationCommand, GetInvalidationCommand } from "@aws-sdk/client-cloudfront";
import type { dynamic } from "@pulumi/pulumi";
import { canonicalJson, digestOf } from "../release/canonical";
import type { InvalidationInputs, InvalidationState } from "./invalidation";
import { awsOutbound } from "../checks/outbound";

const shortestPause = 500;
const longestPause = 10_000;

/** Only another build, distribution or list of paths makes an invalidation necessary; where AWS is asked does not. */
export function diff(olds: InvalidationState, news: InvalidationInputs): Promise<dynamic.DiffResult> {
  const essence = ({ distribution, paths, build, after = "" }: InvalidationInputs) =>
    canonicalJson({ distribution, paths, build, after });
  return Promise.resolve({ changes: essence(olds) !== essence(news), replaces: [] });
}

/** Clears the paths for the first time. */
export async function create(inputs: InvalidationInputs): Promise<dynamic.CreateResult<InvalidationState>> {
  const state = { ...inputs, line: randomUUID(), count: 1 };
  await invalidate(state);
  return { id: state.line, outs: state };
}

/** Clears the paths again. A flip back is a new invalidation; a second try after an error is the same one. */
export async function update(
  olds: InvalidationState,
  news: InvalidationInputs,
): Promise<dynamic.UpdateResult<InvalidationState>> {
  const state = { ...news, line: olds.line, count: olds.count + 1 };
  await invalidate(state);
  return { outs: state };
}

/** The name by which CloudFront knows one flip: the same for every try of it, another for the next. */
export function callerReference({ distribution, paths, build, line, count }: InvalidationState): string {
  return `rewind-${digestOf({ distribution, paths, build, line, count }).slice("sha256:".length)}`;
}

/**
 * Asks for the invalidation and waits until the edges have carried it out.
 * @throws Error in CloudFront's words, or when it takes longer than it may
 */
async function invalidate(state: InvalidationState): Promise<void> {
  const { distribution, paths, region, endpoint, accessKey, secretKey } = state;
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const client = new CloudFrontClient({
    region,
    ...awsOutbound(),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(accessKey === undefined || secretKey === undefined
      ? {}
      : { credentials: { accessKeyId: accessKey, secretAccessKey: secretKey } }),
  });
  const deadline = performance.now() + state.milliseconds;
  try {
    const asked = await client.send(
      new CreateInvalidationCommand({
        DistributionId: distribution,
        InvalidationBatch: {
          CallerReference: callerReference(state),
          Paths: { Quantity: paths.length, Items: [...paths] },
        },
      }),
    );
    const Id = asked.Invalidation?.Id;
    let status = asked.Invalidation?.Status;
    for (let pause = shortestPause; !isCompleted(status); pause = Math.min(pause * 2, longestPause)) {
      if (performance.now() + pause > deadline) {
        throw new Error(`the invalidation ${Id ?? ""} is ${status ?? "unknown"} after ${state.milliseconds} ms`);
      }
      await sleep(pause);
      const found = await client.send(new GetInvalidationCommand({ DistributionId: distribution, Id }));
      status = found.Invalidation?.Status;
    }
  } catch (error) {
    throw new Error(explain(state, error), { cause: error });
  } finally {
    client.destroy();
  }
}

/** `Completed` as AWS writes it, whatever the case. */
function isCompleted(status: string | undefined): boolean {
  return status?.toLowerCase() === "completed";
}

/** Where, what, what next. */
function explain({ distribution, paths }: InvalidationState, error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const next =
    name === "AccessDenied"
      ? "; allow cloudfront:CreateInvalidation and cloudfront:GetInvalidation on the distribution"
      : name === "NoSuchDistribution"
        ? "; correct environment.frontends.*.distribution.id"
        : "; pulumi up tries again";
  return `CloudFront distribution ${distribution}, invalidation of ${paths.join(" ")}: ${name}: ${message}${next}`;
}

/** What the engine calls. */
export const provider: dynamic.ResourceProvider<InvalidationInputs, InvalidationState> = {
  diff: (_id, olds, news) => diff(olds, news),
  create,
  update: (_id, olds, news) => update(olds, news),
  delete: () => Promise.resolve(),
};
