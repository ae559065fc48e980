import assert from "node:assert/strict";
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, ListAccessKeysCommand } from "@aws-sdk/client-iam";
import { iam } from "../../cli/iam";
import { startMoto, type Moto } from "./moto";

describe("the keys of an IAM user, asked of moto's server", function () {
  const UserName = "scoring-application";
  const names = ["AWS_ENDPOINT_URL_IAM", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const;
  const kept = names.map((name) => process.env[name]);
  let moto: Moto;
  let client: IAMClient;
  const opened: (() => unknown)[] = [];

  before(async function (this: Mocha.Context) {
    moto = await startMoto(this);
    opened.push(() => moto.stop());
    const { accessKeyId, secretAccessKey } = moto.keys;
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_IAM: moto.endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    });
    client = new IAMClient({ region: "eu-central-1" });
    await client.send(new CreateUserCommand({ UserName }));
  });
  after(async () => {
    for (const [at, name] of names.entries()) {
      if (kept[at] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = kept[at];
    }
    for (const close of opened) await close();
  });

  const issuer = () => iam({ region: "eu-central-1" });
  const keys = async (): Promise<string[]> => {
    const { AccessKeyMetadata = [] } = await client.send(new ListAccessKeysCommand({ UserName }));
    return AccessKeyMetadata.map(({ AccessKeyId = "" }) => AccessKeyId).sort();
  };
  const newKey = async (): Promise<string> => {
    const { AccessKey } = await client.send(new CreateAccessKeyCommand({ UserName }));
    return AccessKey?.AccessKeyId ?? "";
  };

  it("W7 · a key is made beside the old one, and the old one is taken back, twice without harm", async () => {
    const old = await newKey();
    assert.equal(await issuer().next(old), "", "IAM chooses the name");
    const made = await issuer().create(old, "");
    assert.ok(made.secretKey.length > 20);
    assert.deepEqual(await keys(), [old, made.accessKey].sort());
    await issuer().revoke(old);
    assert.deepEqual(await keys(), [made.accessKey]);
    await issuer().revoke(old);
    await issuer().revoke(made.accessKey);
  });

  it("W7 · somebody's second key is never taken for one of an interrupted rotation", async () => {
    const old = await newKey();
    const second = await newKey();
    await assert.rejects(issuer().next(old), /scoring-application has a second key already/);
    await issuer().discard(old, "", new Date(Date.now() + 3_600_000));
    assert.deepEqual(await keys(), [old, second].sort());
    await issuer().discard(old, "", new Date());
    assert.deepEqual(await keys(), [old], "what was made since the rotation began is taken back");
  });
});
