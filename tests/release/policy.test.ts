import assert from "node:assert/strict";
import fc from "fast-check";
import { normalPolicy, policyDigest, renderPolicy } from "../../release/policy";
import type { Policy } from "../../release/schema/storage";
import { reordered } from "./arbitraries";

const reads: Policy["Statement"][number] = {
  Sid: "Reads",
  Effect: "Allow",
  Principal: { AWS: "${principal.application}" },
  Action: ["s3:GetObject", "s3:ListBucket"],
  Resource: "arn:aws:s3:::${bucket}/*",
};
const denies: Policy["Statement"][number] = {
  Effect: "Deny",
  Principal: "*",
  Action: "s3:*",
  Resource: ["arn:aws:s3:::${bucket}", "arn:aws:s3:::${bucket}/*"],
};
const policy: Policy = { Version: "2012-10-17", Statement: [reads, denies] };

describe("a policy", () => {
  it("is rendered with its bucket and principals", () => {
    const rendered = renderPolicy(policy, "documents", { application: "arn:aws:iam::1:role/app" });
    assert.deepEqual(rendered.Statement[0]?.Principal, { AWS: "arn:aws:iam::1:role/app" });
    assert.deepEqual(rendered.Statement[1]?.Resource, ["arn:aws:s3:::documents", "arn:aws:s3:::documents/*"]);
  });

  it("keeps a variable that nothing is known of, so that it is seen", () => {
    assert.deepEqual(renderPolicy(policy, "documents", {}).Statement[0]?.Principal, reads.Principal);
  });

  const otherWords: Record<string, unknown> = {
    "statements in another order": { ...policy, Statement: [denies, reads] },
    "lists in another order": {
      ...policy,
      Statement: [{ ...reads, Action: ["s3:ListBucket", "s3:GetObject"] }, denies],
    },
    "a list of one for a text": { ...policy, Statement: [{ ...reads, Resource: [reads.Resource] }, denies] },
    "everybody by the longer name": { ...policy, Statement: [reads, { ...denies, Principal: { AWS: ["*"] } }] },
    "keys in another order": reordered(policy),
  };
  for (const [words, other] of Object.entries(otherWords)) {
    it(`has the same digest in other words: ${words}`, () => {
      assert.equal(policyDigest(other), policyDigest(policy));
    });
  }

  it("has the same digest when its only statement stands in no list", () => {
    assert.equal(policyDigest({ ...policy, Statement: denies }), policyDigest({ ...policy, Statement: [denies] }));
  });

  const others: Record<string, unknown> = {
    "another effect": { ...policy, Statement: [{ ...reads, Effect: "Deny" }, denies] },
    "another principal": { ...policy, Statement: [{ ...reads, Principal: "*" }, denies] },
    "one action less": { ...policy, Statement: [{ ...reads, Action: "s3:GetObject" }, denies] },
    "one statement less": { ...policy, Statement: [reads] },
    "a condition": {
      ...policy,
      Statement: [{ ...reads, Condition: { Bool: { "aws:SecureTransport": "true" } } }, denies],
    },
  };
  for (const [difference, other] of Object.entries(others)) {
    it(`has another digest with ${difference}`, () => {
      assert.notEqual(policyDigest(other), policyDigest(policy));
    });
  }

  it("stays as it is when it is brought into its normal form again", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const normal = normalPolicy(value);
        assert.equal(policyDigest(normal), policyDigest(value));
      }),
    );
  });
});
