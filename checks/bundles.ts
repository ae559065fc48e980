import { HeadObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { bundleKey } from "../release/bundles";
import type { Digest } from "../release/primitives";
import type { Measurement } from "./probe";

/** Whether a bundle lies in the bucket of bundles. What it holds Lambda itself compares with the digest. */
export async function measureBundle(
  store: S3Client,
  bucket: string,
  bundle: Digest,
  abortSignal: AbortSignal,
): Promise<Measurement> {
  const Key = bundleKey(bundle);
  try {
    const { ContentLength = 0 } = await store.send(new HeadObjectCommand({ Bucket: bucket, Key }), { abortSignal });
    return { result: "passed", evidence: `${bucket}/${Key} has ${ContentLength} bytes` };
  } catch (error) {
    const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
    if ($metadata?.httpStatusCode !== 404) throw error;
    return { result: "failed", evidence: `${bucket} has no ${Key}` };
  }
}
