import { createHash } from "node:crypto";
import { CreateRepositoryCommand, ECRClient, PutImageCommand } from "@aws-sdk/client-ecr";
import { CreateClusterCommand, ECSClient } from "@aws-sdk/client-ecs";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { pack } from "tar-stream";
import type { Moto } from "./moto";

export const account = "123456789012";
export const region = "us-east-1";
export const registry = `${account}.dkr.ecr.${region}.amazonaws.com`;

/** What a stack finds in an account on its first day: a cluster, a network, a role, images and bundles. */
export interface AwsAccount {
  readonly ecs: ECSClient;
  readonly lambda: LambdaClient;
  readonly s3: S3Client;
  readonly secrets: SecretsManagerClient;
  readonly subnet: string;
  readonly securityGroup: string;
  readonly role: string;
  /** Digests of the images of the repository `engine`, by tag. */
  readonly images: Readonly<Record<"v1.2.0" | "v1.2.1", string>>;
  /** Digests of the bundles in the bucket `example-bundles`, by version. */
  readonly bundles: Readonly<Record<"v1.2.0" | "v1.2.1", string>>;
}

/** Fills moto's account. */
export async function fillAccount({ endpoint, keys }: Moto): Promise<AwsAccount> {
  const config = { region, endpoint, credentials: keys, maxAttempts: 1 };
  const [ecs, lambda, secrets, ecr] = [
    new ECSClient(config),
    new LambdaClient(config),
    new SecretsManagerClient(config),
    new ECRClient(config),
  ];
  const s3 = new S3Client({ ...config, forcePathStyle: true });
  await ecs.send(new CreateClusterCommand({ clusterName: "scoring" }));
  await ecr.send(new CreateRepositoryCommand({ repositoryName: "engine" }));
  await s3.send(new CreateBucketCommand({ Bucket: "example-bundles" }));
  const query = (service: string, fields: Record<string, string>) => askQuery(endpoint, service, fields);
  const vpc = idIn(await query("ec2", { Action: "CreateVpc", CidrBlock: "10.0.0.0/16" }), "vpcId");
  const subnet = idIn(await query("ec2", { Action: "CreateSubnet", VpcId: vpc, CidrBlock: "10.0.1.0/24" }), "subnetId");
  const securityGroup = idIn(
    await query("ec2", { Action: "CreateSecurityGroup", VpcId: vpc, GroupName: "g", GroupDescription: "g" }),
    "groupId",
  );
  const trust = { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [trust] });
  const made = await query("iam", { Action: "CreateRole", RoleName: "scoring", AssumeRolePolicyDocument });
  const image = async (imageTag: string) => {
    const config = { mediaType: "application/vnd.docker.container.image.v1+json", size: 7, digest: digestOf(imageTag) };
    const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
    const imageManifest = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] });
    const put = new PutImageCommand({ repositoryName: "engine", imageManifest, imageTag });
    const { image } = await ecr.send(put);
    return image?.imageId?.imageDigest ?? "";
  };
  const bundle = async (version: string) => {
    const bytes = await archive(`exports.handler = async () => "${version}";`);
    const Key = `bundles/${digestOf(bytes).replace("sha256:", "")}.zip`;
    await s3.send(new PutObjectCommand({ Bucket: "example-bundles", Key, Body: bytes }));
    return digestOf(bytes);
  };
  return {
    ecs,
    lambda,
    s3,
    secrets,
    subnet,
    securityGroup,
    role: idIn(made, "Arn"),
    images: { "v1.2.0": await image("v1.2.0"), "v1.2.1": await image("v1.2.1") },
    bundles: { "v1.2.0": await bundle("v1.2.0"), "v1.2.1": await bundle("v1.2.1") },
  };
}

const digestOf = (bytes: string | Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Some bytes that are a bundle as far as anybody here looks: nothing enters it. */
async function archive(content: string): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: "index.js", mtime: new Date(0) }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** EC2 and IAM in their own plain protocol: two clients more would be a lot for three calls. */
async function askQuery(endpoint: string, service: string, fields: Record<string, string>): Promise<string> {
  const authorization = `AWS4-HMAC-SHA256 Credential=AKIA/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`;
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: { authorization, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ ...fields, Version: service === "ec2" ? "2016-11-15" : "2010-05-08" }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${fields.Action ?? ""}: ${answer.status} ${text.slice(0, 200)}`);
  return text;
}

function idIn(xml: string, tag: string): string {
  const [, id] = new RegExp(`<${tag}>([^<]+)</${tag}>`).exec(xml) ?? [];
  if (id === undefined) throw new Error(`no ${tag} in ${xml.slice(0, 200)}`);
  return id;
}
