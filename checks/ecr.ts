import type { AwsClients } from "./aws-clients";
import type { Measurement } from "./probe";

/** Whether Amazon ECR has an image under its digest; it is asked as AWS, so no Docker engine is needed. */
export async function measureEcrImage(
  aws: Pick<AwsClients, "ecr">,
  { account, region }: { readonly account: string; readonly region: string },
  image: string,
  abortSignal: AbortSignal,
): Promise<Measurement> {
  const [, repositoryName = "", tag, imageDigest] =
    /^[^/]+\/([^:@]+)(?::([^@]+))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(image) ?? [];
  const { DescribeImagesCommand } = await import("@aws-sdk/client-ecr");
  const imageIds = [imageDigest === undefined ? { imageTag: tag ?? "latest" } : { imageDigest }];
  try {
    const asked = new DescribeImagesCommand({ registryId: account, repositoryName, imageIds });
    const { imageDetails = [] } = await (await aws.ecr(region)).send(asked, { abortSignal });
    const found = imageDetails[0]?.imageDigest;
    return found === undefined
      ? { result: "failed", evidence: "not in its registry" }
      : { result: "passed", evidence: found };
  } catch (error) {
    if (!(error instanceof Error) || !/^(?:ImageNotFound|RepositoryNotFound)Exception$/.test(error.name)) throw error;
    return { result: "failed", evidence: `not in its registry: ${error.message}` };
  }
}
