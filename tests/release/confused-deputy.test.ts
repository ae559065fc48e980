import assert from "node:assert/strict";
import { deputiesOf } from "../../release/confused-deputy";
import type { Release } from "../../release/schema/release";

const statement = {
  Sid: "Logs",
  Effect: "Allow",
  Principal: { Service: "logging.s3.amazonaws.com" },
  Action: "s3:PutObject",
  Resource: "arn:aws:s3:::${bucket}/*",
} as const;

/** The warnings for one statement, in a store on AWS or beside it. */
function warningsFor(more: object, store: object = {}): string[] {
  const policy = { Version: "2012-10-17", Statement: [{ ...statement, ...more }] };
  const objectStore = { region: "eu-central-1", buckets: { documents: "docs" }, ...store };
  return deputiesOf(
    { storage: { documents: { policy } } } as unknown as Release,
    { environment: { objectStore } } as never,
  );
}

describe("a service that a bucket's policy lets in", () => {
  it("is warned of by name where nothing says for whom it acts, with the remedy", () => {
    const words =
      "storage/documents Logs lets logging.s3.amazonaws.com in on behalf of any AWS customer; add a condition on aws:SourceAccount or aws:SourceArn";
    assert.deepEqual(warningsFor({}), [words]);
    assert.deepEqual(warningsFor({ Condition: { StringEquals: { "s3:x-amz-acl": "bucket-owner-full-control" } } }), [
      words,
    ]);
    assert.match(
      warningsFor({ Sid: undefined, Principal: { Service: ["a.amazonaws.com", "b.amazonaws.com"] } })[0] ?? "",
      /Statement 0 lets a\.amazonaws\.com, b\.amazonaws\.com in/,
    );
  });

  it("is warned of where the condition also holds for others: negated, for a missing key, or for any value", () => {
    const account = { "aws:SourceAccount": "111122223333" };
    for (const Condition of [
      { StringNotEquals: account },
      { StringEqualsIfExists: account },
      { "ForAllValues:StringEquals": account },
      { Null: { "aws:SourceAccount": "false" } },
      { StringLike: { "aws:SourceArn": "*" } },
      { ArnLike: { "aws:SourceArn": "arn:aws:cloudtrail:*:*:trail/*" } },
      { StringEquals: { "aws:SourceAccount": ["111122223333", "*"] } },
    ]) {
      assert.equal(warningsFor({ Condition }).length, 1, JSON.stringify(Condition));
    }
  });

  it("is not where a condition or the place of an account's logs says it, in a denial, or beside AWS", () => {
    for (const more of [
      { Condition: { StringEquals: { "AWS:SourceArn": "arn:aws:cloudfront::111122223333:distribution/E1" } } },
      { Condition: { StringLike: { "aws:SourceOrgPaths": "o-1/*" } } },
      { Condition: { ArnLike: { "aws:SourceArn": "arn:aws:cloudtrail:*:111122223333:trail/*" } } },
      { Condition: { ArnEquals: { "aws:SourceArn": "arn:aws:s3:::inbox" } } },
      { Resource: "arn:aws:s3:::${bucket}/lb/AWSLogs/111122223333/*" },
      { Resource: "arn:aws:s3:::${bucket}/AWSLogs/aws-account-id=111122223333/*" },
      { Effect: "Deny" },
      { Principal: { AWS: "111122223333" } },
      { Principal: "*" },
    ]) {
      assert.deepEqual(warningsFor(more), [], JSON.stringify(more));
    }
    assert.deepEqual(warningsFor({}, { endpoint: "http://store:9000" }), []);
    assert.equal(
      warningsFor({ Resource: ["arn:aws:s3:::${bucket}/AWSLogs/111122223333/*", "arn:aws:s3:::${bucket}/*"] }).length,
      1,
    );
  });
});
