import {
  CreateAccessKeyCommand,
  DeleteAccessKeyCommand,
  GetAccessKeyLastUsedCommand,
  IAMClient,
  ListAccessKeysCommand,
  UpdateAccessKeyCommand,
} from "@aws-sdk/client-iam";
import type { ObjectStore } from "../release/schema/storage";
import type { KeyIssuer } from "./keys";
import { Refusal } from "./result";
import { awsOutbound } from "../checks/outbound";

/** Access keys of an IAM user, which may have two; asked with the machine's own AWS identity. */
export function iam({ region }: Pick<ObjectStore, "region">): KeyIssuer {
  // The version pinned here runs on Node 20, and the line would stand in every report.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const client = new IAMClient({ region, ...awsOutbound() });
  const userOf = async (accessKey: string): Promise<string> => {
    const { UserName } = await client.send(new GetAccessKeyLastUsedCommand({ AccessKeyId: accessKey }));
    if (UserName === undefined) throw new Refusal(`no IAM user has the key ${accessKey}`, "aws iam list-access-keys");
    return UserName;
  };
  const others = async (old: string): Promise<{ UserName: string; keys: { id: string; made: Date }[] }> => {
    const UserName = await userOf(old);
    const { AccessKeyMetadata = [] } = await client.send(new ListAccessKeysCommand({ UserName }));
    const keys = AccessKeyMetadata.flatMap(({ AccessKeyId: id, CreateDate: made }) =>
      id === undefined || made === undefined || id === old ? [] : [{ id, made }],
    );
    return { UserName, keys };
  };
  return {
    next: async (old) => {
      const { UserName, keys } = await others(old);
      const [second] = keys;
      if (second === undefined) return "";
      // Two are the most that a user has, and the second is somebody's.
      throw new Refusal(
        `${UserName} has a second key already, ${second.id}`,
        `aws iam delete-access-key --user-name ${UserName} --access-key-id ${second.id}, when nobody uses it`,
      );
    },
    create: async (old) => {
      const UserName = await userOf(old);
      const { AccessKey } = await client.send(new CreateAccessKeyCommand({ UserName }));
      if (AccessKey?.AccessKeyId === undefined || AccessKey.SecretAccessKey === undefined) {
        throw new Error("IAM made a key and did not tell it");
      }
      return { accessKey: AccessKey.AccessKeyId, secretKey: AccessKey.SecretAccessKey };
    },
    // The name of what was made is lost with its secret; there was no other key when the rotation began.
    discard: async (old, _name, began) => {
      const { UserName, keys } = await others(old);
      // The two clocks may differ.
      const ours = keys.filter(({ made }) => made.getTime() > began.getTime() - 60_000);
      for (const { id } of ours) await client.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId: id }));
    },
    revoke: async (AccessKeyId) => {
      const UserName = await userOf(AccessKeyId).catch((error: unknown) => {
        if (error instanceof Refusal || (error as Error).name === "NoSuchEntityException") return undefined;
        throw error;
      });
      if (UserName === undefined) return;
      // Inactive first: if deleting fails it is refused all the same.
      await client.send(new UpdateAccessKeyCommand({ UserName, AccessKeyId, Status: "Inactive" }));
      await client.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
    },
  };
}
