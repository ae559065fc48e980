import { GetObjectCommand, HeadBucketCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { Storage } from "./settings";

/** How long a signed URL works: long enough to click, too short to pass on. */
export const signedSeconds = 60;
const prefix = "documents/";

export interface Document {
  key: string;
  size: number;
  url: string;
  expires_in: number;
}

export interface Documents {
  /** The first hundred objects under `documents/`, each with a URL that works for a minute. */
  list(): Promise<Document[]>;
  /** Resolves when the bucket answers. */
  probe(): Promise<void>;
  close(): void;
}

/** The documents of a bucket; nothing is asked before the first call. */
export function openDocuments({ endpoint, region, bucket, accessKeyId, secretAccessKey }: Storage): Documents {
  const client = new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    // The bucket's name as a host name needs a wildcard in DNS, which no store on a plain address has.
    forcePathStyle: true,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 2,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
  });
  return {
    async list() {
      const { Contents: objects = [] } = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 100 }),
      );
      const documents = objects.flatMap(({ Key: key, Size: size }) =>
        key === undefined || key === prefix ? [] : [{ key, size: size ?? 0 }],
      );
      return Promise.all(
        documents.map(async ({ key, size }) => {
          const command = new GetObjectCommand({ Bucket: bucket, Key: key });
          const url = await getSignedUrl(client, command, { expiresIn: signedSeconds });
          return { key, size, url, expires_in: signedSeconds };
        }),
      );
    },
    async probe() {
      await client.send(new HeadBucketCommand({ Bucket: bucket }));
    },
    close() {
      client.destroy();
    },
  };
}
