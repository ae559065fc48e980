import type { S3, S3ClientConfig } from "@aws-sdk/client-s3";
import { isBag, type Bag, type Value } from "../schema";

/** The object store and the region that the provider names. */
export interface Store {
  readonly client: () => Promise<S3>;
  readonly region: () => string;
}

/** Client options from the provider's settings, of which all but the simplest arrive as JSON text. */
export function clientConfig(settings: Bag, environment: NodeJS.ProcessEnv): S3ClientConfig & { region: string } {
  return {
    ...serviceConfig(settings, environment, "s3"),
    forcePathStyle: parsed(settings.s3UsePathStyle) === true,
    // S3-compatible stores differ in the newer checksums; the calls here that need one still send it.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  };
}

/** What every client of AWS needs to know, with the endpoint that the provider names for this service, if any. */
export interface ServiceConfig {
  readonly region: string;
  readonly endpoint?: string;
  readonly credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  readonly maxAttempts: number;
}

/** Client options of one service, `ecs` or `secretsmanager`, from the provider's settings. */
export function serviceConfig(settings: Bag, environment: NodeJS.ProcessEnv, service: string): ServiceConfig {
  const endpoints = parsed(settings.endpoints);
  const all = Array.isArray(endpoints) ? endpoints.filter(isBag) : isBag(endpoints) ? [endpoints] : [];
  const named = all.map((each) => each[service]).find((url) => typeof url === "string");
  const endpoint = typeof named === "string" ? named : environment[`AWS_ENDPOINT_URL_${service.toUpperCase()}`];
  const accessKeyId = given(settings.accessKey) ?? environment.AWS_ACCESS_KEY_ID;
  const secretAccessKey = given(settings.secretKey) ?? environment.AWS_SECRET_ACCESS_KEY;
  const sessionToken = given(settings.token) ?? environment.AWS_SESSION_TOKEN;
  return {
    region: given(settings.region) ?? environment.AWS_REGION ?? "us-east-1",
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(accessKeyId && secretAccessKey
      ? { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } }
      : {}),
    maxAttempts: 3,
  };
}

/** The provider's `defaultTags`, or none. */
export function defaultTags(settings: Bag): Bag {
  const given = parsed(settings.defaultTags);
  return isBag(given) && isBag(given.tags) ? given.tags : {};
}

function parsed(value: Value | undefined): Value | undefined {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) as Value;
  } catch {
    return value;
  }
}

function given(value: Value | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

const missing = [
  "NoSuchBucket",
  "NotFound",
  "NoSuchBucketPolicy",
  "NoSuchCORSConfiguration",
  "OwnershipControlsNotFoundError",
  "NoSuchTagSet",
  "NoSuchPublicAccessBlockConfiguration",
  "ServerSideEncryptionConfigurationNotFoundError",
  "NoSuchLifecycleConfiguration",
];

/** Whether the store answered that there is no such thing, or, for parts it does not have, that it knows no such call. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Error && (missing.includes(error.name) || error.name === "NotImplemented");
}

/** What `ask` answers, or nothing where the store has none. */
export async function ifAny<T>(ask: Promise<T>): Promise<Partial<T>> {
  try {
    return await ask;
  } catch (error) {
    if (isAbsent(error)) return {};
    throw error;
  }
}

/** The same error with the bucket's name before it: the store's own text often names nothing. */
export function about(bucket: string, error: unknown): Error {
  const found = error instanceof Error ? error : new Error(String(error));
  const name = found.name === "Error" ? "" : found.name;
  const text = found.message === "UnknownError" ? "" : found.message;
  return new Error([`bucket ${bucket}`, name, text].filter((part) => part !== "").join(": "), { cause: error });
}
