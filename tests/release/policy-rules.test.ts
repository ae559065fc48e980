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
      what: "everybody but some writing",
      statements: [{ ...reads, Principal: undefined, NotPrincipal: { AWS: "x" } }],
      more: { public: { reason: "x" } },
      problem: /Action: everybody but a few would be allowed s3:PutObject; name the principals that may/,
    },
    {
      what: "everybody but some reading without a reason",
      statements: [{ ...reads, Principal: undefined, NotPrincipal: { AWS: "x" }, Action: "s3:GetObject" }],
      problem: /NotPrincipal: everybody but a few may read only where the bucket says public/,
    },
    {
      what: "everybody doing everything but one thing",
      statements: [{ ...reads, Principal: "*", Action: undefined, NotAction: "s3:DeleteObject", Resource: both }],
      more: { public: { reason: "x" } },
      problem: /NotAction: everybody would be allowed s3:/,
    },
    {
      what: "everybody by way of a mixture",
      statements: [{ ...reads, Principal: { Service: "a.amazonaws.com", AWS: ["x", "*"] } }],
      more: { public: { reason: "x" } },
      problem: /everybody would be allowed s3:PutObject/,
    },
    {
      what: "everybody writing under a condition that other stores may not know",
      statements: [{ ...reads, Principal: "*", Condition: { StringEquals: { "aws:PrincipalOrgID": "o-1" } } }],
      more: { public: { reason: "x" } },
      store: { endpoint: "http://store:9000" },
      problem: /everybody would be allowed s3:PutObject/,
    },
    ...(
      [
        { StringLike: { "aws:PrincipalOrgID": "o-*" } },
        { StringEquals: { "aws:PrincipalOrgID": ["o-1", "*"] } },
        { StringEquals: { "aws:PrincipalAccount": "${aws:ResourceAccount}" } },
        { StringNotEquals: { "aws:PrincipalOrgID": "o-1" } },
        { StringEqualsIfExists: { "aws:PrincipalOrgID": "o-1" } },
        { "ForAllValues:StringEquals": { "aws:PrincipalOrgID": "o-1" } },
        { StringEquals: { "aws:UserAgent": "secret" } },
        { IpAddress: { "aws:SourceIp": "0.0.0.0/0" } },
        { IpAddress: { "aws:SourceIp": ["203.0.113.0/24", "128.0.0.0/1"] } },
        { IpAddress: { "aws:SourceIp": "2001::/16" } },
        { IpAddress: { "aws:SourceIp": "somewhere" } },
        { IpAddress: { "aws:VpcSourceIp": "10.0.0.0/8" } },
        { NotIpAddress: { "aws:SourceIp": "203.0.113.0/24" } },
        { StringLike: { "s3:DataAccessPointArn": "arn:aws:s3:eu-central-1:*:accesspoint/logs" } },
        { StringLike: { "aws:SourceVpc": "vpc-*" } },
      ] satisfies Statement["Condition"][]
    ).map((Condition) => ({
      what: `everybody writing under a condition that does not narrow: ${JSON.stringify(Condition)}`,
      statements: [{ ...reads, Principal: "*", Condition }],
      more: { public: { reason: "x" } },
      problem: /everybody would be allowed s3:PutObject/,
    })),
    {
      what: "a wildcard among services",
      statements: [{ ...reads, Principal: { Service: "*" } }],
      problem: /"\*": a principal is named in full/,
    },
    {
      what: "a misspelled action that is left out",
      statements: [{ ...reads, Action: undefined, NotAction: "s3:PutObjcet" }],
      problem: /NotAction: S3 has no action "s3:PutObjcet"/,
    },
    {
      what: "a denial for everybody but somebody who may not be the stack",
      statements: [{ ...deny, Principal: undefined, NotPrincipal: { AWS: "app-key" } }],
      problem: /locks out the stack itself/,
    },
    {
      what: "a denial for everybody but the stack's user, without its account",
      statements: [{ ...deny, Principal: undefined, NotPrincipal: { AWS: "arn:aws:iam::111122223333:user/deploy" } }],
      store: { self: "arn:aws:iam::111122223333:user/deploy" },
      problem: /locks out the stack itself/,
    },
    {
      what: "a denial of everything but reading",
      statements: [{ ...deny, Action: undefined, NotAction: "s3:Get*" }],
      problem: /locks out the stack itself: .*s3:PutBucketPolicy/,
    },
    {
      what: "a canonical user on AWS, which reads back as another name",
      statements: [{ ...reads, Principal: { CanonicalUser: "79a59df900b949e5" } }],
      problem:
        /Principal\.CanonicalUser: S3 stores a canonical user as the account or identity behind it; name that, as AWS/,
    },
    {
      what: "more bytes than a bucket's policy may have, with their number",
      statements: Array.from({ length: 160 }, (_, index) => ({
        ...reads,
        Sid: `Reads${index}`,
        Resource: `arn:aws:s3:::\${bucket}/customers/${index}/*`,
      })),
      problem: /policy: has 2\d{4} bytes with its names filled in; a bucket's policy has at most 20480/,
    },
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
      what: "a service, for one distribution",
      statements: [
        {
          ...reads,
          Action: "s3:GetObject",
          Principal: { Service: "cloudfront.amazonaws.com" },
          Condition: { StringEquals: { "AWS:SourceArn": "arn:aws:cloudfront::111122223333:distribution/E1" } },
        },
      ],
    },
    {
      what: "load balancers' logs, by the older version, in one statement",
      statements: {
        ...reads,
        Action: "s3:PutObject",
        Principal: { AWS: "127311923021", Service: "delivery.logs.amazonaws.com" },
      } as unknown as unknown[],
    },
    {
      what: "everybody of one organisation writing, on AWS",
      statements: [{ ...reads, Principal: "*", Condition: { StringEquals: { "aws:PrincipalOrgID": ["o-1", "o-2"] } } }],
    },
    ...(
      [
        { IpAddress: { "aws:SourceIp": ["203.0.113.0/24", "198.51.100.7", "2001:db8::/32"] } },
        { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } },
        { StringLike: { "aws:SourceVpce": "vpce-1a2b3c" } },
        { ArnLike: { "aws:SourceArn": "arn:aws:sns:eu-central-1:111122223333:uploads" } },
        { "ForAnyValue:StringEquals": { "aws:PrincipalOrgID": "o-1" } },
        { StringLike: { "s3:DataAccessPointArn": "arn:aws:s3:eu-central-1:111122223333:accesspoint/*" } },
        { StringEquals: { "s3:DataAccessPointAccount": "111122223333" } },
        { StringEquals: { "aws:UserAgent": "x", "aws:SourceVpc": "vpc-1" } },
      ] satisfies Statement["Condition"][]
    ).map((Condition) => ({
      what: `everybody writing under a condition that S3 does not call public: ${JSON.stringify(Condition)}`,
      statements: [{ ...reads, Principal: "*", Condition }],
    })),
    {
      what: "a principal that may do everything but administer",
      statements: [{ ...reads, Action: undefined, NotAction: ["s3:Put*Policy", "s3:Delete*"], Resource: both }],
    },
    {
      what: "a denial for everybody but the stack's user, named with its account",
      statements: [
        {
          ...deny,
          Principal: undefined,
          NotPrincipal: { AWS: ["arn:aws:iam::111122223333:user/deploy", "arn:aws:iam::111122223333:root"] },
        },
      ],
      store: { self: "arn:aws:iam::111122223333:user/deploy" },
    },
    {
      what: "a denial of plain connections, said with a boolean",
      statements: [reads, { ...deny, Condition: { Bool: { "aws:SecureTransport": false } } }],
    },
    {
      what: "a denial for all but some objects",
      statements: [
        reads,
        { ...deny, Action: "s3:DeleteObject", Resource: undefined, NotResource: "arn:aws:s3:::${bucket}/tmp/*" },
      ],
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
    /** The same with what it names turned into what it leaves out, or not. */
    const turned = fc
      .tuple(statement, fc.boolean(), fc.boolean())
      .map(([{ Principal, Action, ...rest }, who, what]) => ({
        ...rest,
        ...(who ? { NotPrincipal: Principal } : { Principal }),
        ...(what ? { NotAction: Action } : { Action }),
      }));
    const writes = [...actions].filter(([, { does }]) => does === "write" || does === "administer");
    fc.assert(
      fc.property(fc.array(turned, { minLength: 1, maxLength: 4 }), (Statement) => {
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

describe("the rules of a bucket's settings", () => {
  const said = (more: Partial<Bucket>) => problemsOf({ Statement: [reads], ...more });

  it("take the origins and headers that S3 takes, and no others", () => {
    const origins = [
      ...[
        "*",
        "null",
        "https://a.example.com",
        "https://*.example.com",
        "http://*",
        "http://localhost:*",
        "http://[::1]:3000",
      ],
      ...["capacitor://localhost", "chrome-extension://abcdef"],
    ];
    const cors = [
      { origins, methods: ["GET" as const], headers: ["x-amz-*", "x_y"], expose: ["ETag"], maxAge: 604_800 },
    ];
    assert.deepEqual(said({ cors }), []);
    for (const [origin, problem] of [
      ["https://*.*.example.com", "an origin has at most one * (S3 takes no more)"],
      ["https://*:*", "an origin has at most one * (S3 takes no more)"],
      ["https://a.example.com/", "expected an origin such as https://app.example.com, without a path"],
      ["example.com", "expected an origin such as https://app.example.com, without a path"],
      ["https://a b", "expected an origin such as https://app.example.com, without a path"],
    ]) {
      const wrong = [{ origins: [origin ?? ""], methods: ["GET" as const] }];
      assert.deepEqual(said({ cors: wrong }), [`cors.0.origins.0: ${problem}`], origin);
    }
    const rest = { origins: ["*"], methods: ["GET" as const] };
    assert.match(
      said({ cors: [{ ...rest, headers: ["x-*-*"] }] }).join(),
      /^cors\.0\.headers\.0: a header has at most one \*/,
    );
    assert.match(said({ cors: [{ ...rest, expose: ["*"] }] }).join(), /^cors\.0\.expose\.0: S3 takes no \*/);
  });

  it("take the name of a lifecycle rule as the console shows it", () => {
    assert.deepEqual(said({ lifecycle: [{ id: "Delete old versions (30 days)", expireOldVersions: 30 }] }), []);
    assert.match(
      said({ lifecycle: [{ id: "a\nb", expireOldVersions: 30 }] }).join(),
      /lifecycle\.0\.id: expected a name/,
    );
  });

  it("let a policy demand a TLS that the stack speaks, and no newer one", () => {
    const demands = (least: number) => [
      reads,
      { ...deny, Condition: { NumericLessThan: { "s3:TlsVersion": least } } } as Statement,
    ];
    assert.deepEqual(problemsOf({ Statement: demands(1.2) }), []);
    assert.match(problemsOf({ Statement: demands(1.3) }).join(), /locks out the stack itself/);
  });
});
