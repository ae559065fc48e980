import type { AwsClients } from "./aws-clients";
import type { RegistryAnswer } from "./images";
import { describeError } from "./probe";

/** Whether Amazon ECR has an image under its digest; it is asked as AWS, so no Docker engine is needed. */
export async function measureEcrImage(
  aws: Pick<AwsClients, "ecr">,
  { account, region }: { readonly account: string; readonly region: string },
  image: string,
  abortSignal: AbortSignal,
): Promise<RegistryAnswer> {
  const [, repositoryName = "", tag, imageDigest] =
    /^[^/]+\/([^:@]+)(?::([^@]+))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(image) ?? [];
  const { DescribeImagesCommand } = await import("@aws-sdk/client-ecr");
  const imageIds = [imageDigest === undefined ? { imageTag: tag ?? "latest" } : { imageDigest }];
  try {
    const asked = new DescribeImagesCommand({ registryId: account, repositoryName, imageIds });
    const { imageDetails = [] } = await (await aws.ecr(region)).send(asked, { abortSignal });
    const found = imageDetails[0]?.imageDigest;
    return found === undefined
      ? { result: "failed", evidence: "not in its registry", unavailable: gone }
      : { result: "passed", evidence: found };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (/^(?:ImageNotFound|RepositoryNotFound)Exception$/.test(error.name)) {
      return { result: "failed", evidence: `not in its registry: ${error.message}`, unavailable: gone };
    }
    if (!isAway(error)) throw error;
    return {
      result: "error",
      evidence: `registry: ${describeError(error)}`,
      unavailable: "the registry does not answer",
    };
  }
}

const gone = "the registry no longer has the image";

/** Whether AWS could not be reached, or failed itself. That it does not let us in is an answer with a status below 500. */
function isAway(error: Error & { readonly code?: string; readonly $metadata?: { readonly httpStatusCode?: number } }) {
  const { code = "", name, $metadata } = error;
  const status = $metadata?.httpStatusCode;
  if (status !== undefined) return status >= 500;
  return name === "TimeoutError" || /^(?:E(?:CONN|HOST|NET)[A-Z]+|ENOTFOUND|EAI_AGAIN|ETIMEDOUT)$/.test(code);
}
