import assert from "node:assert/strict";
import { unprobed } from "../../checks/access";
import type { Statement } from "../../release/schema/storage";

const base = { Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::docs/*" } as const;
const visitors = [{ principals: [] }, { principals: ["app"] }];
const of = (...Statement: Statement[]): string[] => unprobed({ Version: "2012-10-17", Statement }, visitors);

describe("what a policy's check cannot try", () => {
  it("is nothing where everybody, or who has keys here, is meant", () => {
    assert.deepEqual(of({ ...base, Principal: "*" }, { ...base, Principal: { AWS: ["app"] } }), []);
  });

  it("is named with the reason", () => {
    assert.deepEqual(
      of(
        { ...base, Principal: { Service: "cloudfront.amazonaws.com", AWS: "app" } },
        { ...base, Sid: "Web", Principal: { Federated: "cognito-identity.amazonaws.com" } },
        { ...base, Principal: { CanonicalUser: "79a5" } },
        { ...base, NotPrincipal: { AWS: "app" } },
        { ...base, Principal: "*", Condition: { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } } },
      ),
      [
        "Statement 0 (no keys of cloudfront.amazonaws.com)",
        "Web (no keys of cognito-identity.amazonaws.com)",
        "Statement 2 (no keys of 79a5)",
        "Statement 3 (for everybody but app)",
        "Statement 4 (its condition holds for some requests only)",
      ],
    );
  });

  it("is cut where there is much of it", () => {
    const service = { ...base, Principal: { Service: "a.amazonaws.com" } };
    assert.deepEqual(of(...Array.from({ length: 9 }, () => service)).at(-1), "4 more");
  });
});
