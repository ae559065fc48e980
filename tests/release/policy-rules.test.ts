import assert from "node:assert/strict";
import fc from "fast-check";
import { decide } from "../../release/access";
import { actions, actionsMatching } from "../../release/actions";
import { parseSettings } from "../../release/parse";
import type { Bucket, ObjectStore, Statement } from "../../release/schema/storage";

const both = ["arn:aws:s3:::${bucket}", "arn:aws:s3:::${bucket}/*"];
const reads: Statement = {
  Sid: "Reads",
  Effect: "Allow",
  Principal: { AWS: "${principal.app}" },
  Action: ["s3:GetObject", "s3:PutObject"],
  Resource: "arn:aws:s3:::${bucket}/in/*",
};
const deny: Statement = { Effect: "Deny", Principal: "*", Action: "s3:*", Resource: both };

/** What is wrong with a bucket of a release, by its path below the bucket. */
function problemsOf(pin: Partial<Bucket> & { Statement: unknown[] }, store: Partial<ObjectStore> = {}): string[] {
  const { Statement, ...rest } = pin;
  const objectStore = {
    region: "eu-central-1",
    principals: { app: "app-key" },
    buckets: { documents: "docs" },
    ...store,
  };
  const parsed = parseSettings(
    {
      release: "v1",
      releases: { v1: { storage: { documents: { policy: { Version: "2012-10-17", Statement }, ...rest } } } },
      environment: { name: "s", kind: "staging", registry: "r", docker: { host: "unix:///d" }, objectStore },
    },
    () => undefined,
  );
  const at = "releases.v1.storage.documents.";
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path.replace(at, "")}: ${message}`);
}

describe("the rules of a bucket's policy", () => {
  const refused: {
    what: string;
    statements: unknown[];
    more?: Partial<Bucket>;
    store?: Partial<ObjectStore>;
    problem: RegExp;
  }[] = [
    {
      what: "an action that S3 does not have",
      statements: [{ ...reads, Action: "s3:Frobnicate" }],
      problem: /no action "s3:Frobnicate"/,
    },
    {
      what: "a pattern that no action matches",
      statements: [{ ...reads, Action: "s3:Gte*" }],
      problem: /no action "s3:Gte\*"/,
    },
    {
      what: "an object's action on the bucket alone",
      statements: [{ ...reads, Resource: both[0] }],
      problem: /s3:GetObject needs a resource that names objects/,
    },
    {
      what: "a bucket's action on objects alone",
      statements: [{ ...reads, Action: "s3:ListBucket" }],
      problem: /s3:ListBucket needs a resource that names the bucket itself/,
    },
    {
      what: "everybody writing",
      statements: [{ ...reads, Principal: "*" }],
      more: { public: { reason: "x" } },
      problem: /everybody would be allowed s3:PutObject/,
    },
    {
      what: "everybody writing by the longer name",
      statements: [{ ...reads, Principal: { AWS: ["*"] } }],
      problem: /everybody would be allowed s3:PutObject/,
    },
    {
      what: "everybody by way of a principal",
      statements: [reads],
      store: { principals: { app: "*" } },
      problem: /everybody would be allowed s3:PutObject/,
    },
    {
      what: "everybody doing everything by a pattern",
      statements: [{ ...reads, Principal: "*", Action: "s3:*", Resource: both }],
      problem: /everybody would be allowed s3:.* more; name/,
    },
    {
      what: "everybody reading policies",
      statements: [{ ...reads, Principal: "*", Action: "s3:GetBucketPolicy", Resource: both }],
      more: { public: { reason: "x" } },
      problem: /everybody would be allowed s3:GetBucketPolicy/,
    },
    {
      what: "everybody reading without a reason",
      statements: [{ ...reads, Principal: "*", Action: "s3:GetObject" }],
      problem: /public: \{reason: …\}/,
    },
    {
      what: "a principal with a star inside",
      statements: [{ ...reads, Principal: { AWS: "arn:aws:iam::1:user/*" } }],
      problem: /a principal is named in full, or is everybody/,
    },
    {
      what: "an operator that nobody knows",
      statements: [{ ...reads, Condition: { StringIs: { "aws:UserAgent": "x" } } }],
      problem: /no operator "StringIs"/,
    },
    {
      what: "a condition key that nobody knows",
      statements: [{ ...reads, Condition: { StringLike: { "aws:Agent": "x" } } }],
      problem: /no condition key "aws:Agent"/,
    },
    {
      what: "two statements of one Sid",
      statements: [reads, { ...reads, Action: "s3:DeleteObject" }],
      problem: /Statement\.1\.Sid: a second statement Reads/,
    },
    {
      what: "the same said twice",
      statements: [reads, { ...reads, Sid: "Again" }],
      problem: /Statement\.1: says what an earlier statement says/,
    },
    {
      what: "an Allow that a Deny takes back",
      statements: [
        { ...reads, Action: "s3:GetObject" },
        { ...deny, Action: "s3:Get*", Resource: both[1], Principal: { AWS: "app-key" } },
      ],
      problem: /Statement\.0: allows nothing: Statement 1 denies all of it/,
    },
    {
      what: "a denial for everybody",
      statements: [{ ...deny, Action: "s3:PutBucketPolicy", Resource: both[0] }],
      problem: /locks out the stack itself: .*s3:PutBucketPolicy/,
    },
    {
      what: "a denial but from an address that may not be ours",
      statements: [{ ...deny, Action: "s3:*Policy", Condition: { NotIpAddress: { "aws:SourceIp": "10.0.0.0/8" } } }],
      problem: /locks out the stack itself/,
    },
    {
      what: "a denial of plain connections where ours is one",
      statements: [{ ...deny, Condition: { Bool: { "aws:SecureTransport": "false" } } }],
      store: { endpoint: "http://store:9000" },
      problem: /locks out the stack itself/,
    },
    {
      what: "a denial that names the stack",
      statements: [{ ...deny, Principal: { AWS: "deployer" } }],
      store: { self: "deployer" },
      problem: /locks out the stack itself/,
    },
    {
      what: "a writer whose Allow is lost",
      statements: [{ ...reads, Action: "s3:GetObject" }],
      more: { writers: ["app"] },
      problem: /locks out its own writer: app/,
    },
    {
      what: "a writer who is denied",
      statements: [reads, { ...deny, Action: "s3:PutObject", Resource: both[1], Principal: { AWS: "app-key" } }],
      more: { writers: ["app"] },
      problem: /locks out its own writer: app/,
    },
    {
      what: "a writer whom nobody knows",
      statements: [reads],
      more: { writers: ["other"] },
      problem: /writers: nothing is known as/,
    },
    {
      what: "NotPrincipal",
      statements: [{ ...reads, Principal: undefined, NotPrincipal: { AWS: "x" } }],
      problem: /NotPrincipal: no such key/,
    },
    { what: "NotAction", statements: [{ ...reads, NotAction: "s3:GetObject" }], problem: /NotAction: no such key/ },
    { what: "another bucket", statements: [{ ...reads, Resource: "arn:aws:s3:::other/*" }], problem: /Resource: / },
  ];
  for (const { what, statements, more = {}, store = {}, problem } of refused) {
    it(`refuse ${what}`, () => {
      const problems = problemsOf({ ...more, Statement: statements }, store);
      assert.ok(
        problems.some((each) => problem.test(each)),
        problems.join("\n") || "no problem",
      );
    });
  }

  const accepted: { what: string; statements: unknown[]; more?: Partial<Bucket>; store?: Partial<ObjectStore> }[] = [
    { what: "a principal reading and writing", statements: [reads], more: { writers: ["app"] } },
    {
      what: "everybody reading, with a reason",
      statements: [{ ...reads, Principal: "*", Action: "s3:GetObject" }],
      more: { public: { reason: "the logo" } },
    },
    {
      what: "a denial of plain connections where ours is none",
      statements: [reads, { ...deny, Condition: { Bool: { "aws:SecureTransport": "false" } } }],
    },
    {
      what: "a denial of what is not encrypted",
      statements: [
        reads,
        {
          ...deny,
          Action: "s3:PutObject",
          Resource: both[1],
          Condition: { StringNotEquals: { "s3:x-amz-server-side-encryption": "aws:kms" } },
        },
      ],
      more: { writers: ["app"] },
    },
    {
      what: "two names for one principal, while its key is rotated",
      statements: [reads],
      store: { principals: { app: ["old", "new"] } },
    },
  ];
  for (const { what, statements, more = {}, store = {} } of accepted) {
    it(`accept ${what}`, () => {
      assert.deepEqual(problemsOf({ ...more, Statement: statements }, store), []);
    });
  }

  it("never let a policy through by which nobody in particular may write", () => {
    const names = [...actions.keys(), "s3:*", "s3:Put*", "s3:*Object", "s3:G*", "*"];
    const statement = fc.record({
      Effect: fc.constantFrom("Allow", "Deny"),
      Principal: fc.constantFrom("*", { AWS: "*" }, { AWS: ["x", "*"] }, { AWS: "x" }),
      Action: fc.oneof(fc.constantFrom(...names), fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 })),
      Resource: fc.constant(both),
    });
    const writes = [...actions].filter(([, { does }]) => does === "write" || does === "administer");
    fc.assert(
      fc.property(fc.array(statement, { minLength: 1, maxLength: 4 }), (Statement) => {
        if (problemsOf({ Statement, public: { reason: "all may read" } }).length > 0) return;
        const policy = {
          Version: "2012-10-17" as const,
          Statement: JSON.parse(JSON.stringify(Statement).replaceAll("${bucket}", "docs")) as Statement[],
        };
        for (const [action, { on }] of writes) {
          const key = on === "object" ? { key: "a" } : {};
          assert.notEqual(decide(policy, { principals: [], action, bucket: "docs", ...key }), "allow", action);
        }
      }),
    );
  });

  it("know every action by its own name", () => {
    for (const action of actions.keys()) assert.deepEqual(actionsMatching(action), [action]);
  });
});
