import assert from "node:assert/strict";
import { samePolicy } from "../../../local/plugins/aws/policy";

const statement = {
  Sid: "A",
  Effect: "Allow",
  Principal: { AWS: ["111122223333", "arn:aws:iam::444455556666:user/x"] },
  Action: ["s3:GetObject", "s3:PutObject"],
  Resource: "arn:aws:s3:::docs/*",
  Condition: { Bool: { "aws:SecureTransport": "true" }, StringEquals: { "aws:SourceVpc": ["vpc-1", "vpc-2"] } },
};
const policy = (more: object = {}, whole: object = {}) =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ ...statement, ...more }], ...whole });

describe("two policies, to the vendor's plugin", () => {
  it("are the same in another order, with a text for a list of one, an ARN for an account, or true for its text", () => {
    for (const other of [
      policy(),
      ` [${policy()}] `,
      policy({}, { Statement: statement }),
      policy({ Effect: "allow", Action: ["s3:PutObject", "s3:GetObject"], Resource: ["arn:aws:s3:::docs/*"] }),
      policy({ Principal: { AWS: ["arn:aws:iam::444455556666:user/x", "arn:aws:iam::111122223333:root"] } }),
      policy({
        Condition: { StringEquals: { "aws:SourceVpc": ["vpc-2", "vpc-1"] }, Bool: { "aws:SecureTransport": true } },
      }),
    ]) {
      assert.equal(samePolicy(policy(), other), true, other);
      assert.equal(samePolicy(other, policy()), true, other);
    }
  });

  it("are not with another Sid, Id, version or case, a repeated action, a key more, or * for {AWS: *}", () => {
    const everybody = policy({ Principal: "*" });
    for (const [a, b] of [
      [policy(), policy({ Sid: "B" })],
      [policy(), policy({}, { Id: "x" })],
      [policy(), policy({}, { Version: "2008-10-17" })],
      [policy(), policy({ Action: ["s3:getobject", "s3:PutObject"] })],
      [policy(), policy({ Action: ["s3:GetObject", "s3:PutObject", "s3:PutObject"] })],
      [policy(), policy({ Condition: { ...statement.Condition, Null: { "aws:userid": "false" } } })],
      [policy(), policy({ Condition: undefined })],
      [policy(), policy({}, { Statement: [statement, statement] })],
      [policy(), "no JSON"],
      [everybody, policy({ Principal: { AWS: "*" } })],
    ] as const) {
      assert.equal(samePolicy(a, b), false, b);
      assert.equal(samePolicy(b, a), false, b);
    }
    assert.equal(samePolicy(everybody, everybody), true);
  });
});
