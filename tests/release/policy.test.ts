import assert from "node:assert/strict";
import fc from "fast-check";
import { renderPolicy, statementsOf } from "../../release/policy";
import { policyDigest } from "../../release/policy-meaning";
import { Policy, type Statement } from "../../release/schema/policy";
import { reordered } from "./arbitraries";

const reads: Statement = {
  Sid: "Reads",
  Effect: "Allow",
  Principal: { AWS: "${principal.application}" },
  Action: ["s3:GetObject", "s3:ListBucket"],
  Resource: "arn:aws:s3:::${bucket}/*",
};
const denies: Statement = {
  Effect: "Deny",
  Principal: "*",
  Action: "s3:*",
  Resource: ["arn:aws:s3:::${bucket}", "arn:aws:s3:::${bucket}/*"],
};
const policy: Policy = { Version: "2012-10-17", Statement: [reads, denies] };

describe("a policy", () => {
  it("is rendered with its bucket and principals", () => {
    const rendered = renderPolicy(policy, "documents", { application: "arn:aws:iam::1:role/app" });
    assert.deepEqual(statementsOf(rendered)[0]?.Principal, { AWS: "arn:aws:iam::1:role/app" });
    assert.deepEqual(statementsOf(rendered)[1]?.Resource, ["arn:aws:s3:::documents", "arn:aws:s3:::documents/*"]);
  });

  it("keeps a variable that nothing is known of, so that it is seen", () => {
    assert.deepEqual(statementsOf(renderPolicy(policy, "documents", {}))[0]?.Principal, reads.Principal);
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

  it("has a digest whatever the store says", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => policyDigest(value) === policyDigest(structuredClone(value))));
  });
});

describe("a policy in the vendor's own grammar", () => {
  const account = "111122223333";
  const base = { Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::${bucket}/*" };
  for (const [what, statement, more] of [
    ["a service", { ...base, Principal: { Service: "cloudfront.amazonaws.com" } }, {}],
    ["an identity provider", { ...base, Principal: { Federated: "cognito-identity.amazonaws.com" } }, {}],
    ["a canonical user", { ...base, Principal: { CanonicalUser: "79a59df900b949e55d96a1e698fbaced" } }, {}],
    ["a mixture", { ...base, Principal: { AWS: [account], Service: ["logging.s3.amazonaws.com"] } }, {}],
    [
      "everything but some actions",
      { ...base, Principal: "*", Action: undefined, NotAction: ["s3:PutBucketPolicy"] },
      {},
    ],
    [
      "everything but some objects",
      { ...base, Principal: "*", Resource: undefined, NotResource: "arn:aws:s3:::${bucket}/a/*" },
      {},
    ],
    ["everybody but some", { ...base, Effect: "Deny", NotPrincipal: { AWS: account } }, {}],
    ["a Sid with blanks", { ...base, Principal: "*", Sid: "Allow CloudFront read-only access, since 2019" }, {}],
    [
      "a boolean and numbers",
      {
        ...base,
        Principal: "*",
        Condition: { Bool: { "aws:SecureTransport": false }, NumericLessThan: { "s3:max-keys": [10, 2.5] } },
      },
      {},
    ],
    [
      "the older version and an Id",
      { ...base, Principal: "*" },
      { Version: "2008-10-17", Id: "PolicyForCloudFrontPrivateContent" },
    ],
    ["no version", { ...base, Principal: "*" }, { Version: undefined }],
  ] as const) {
    const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
    it(`is accepted with ${what}, in a list and by itself`, () => {
      for (const Statement of [[statement], statement]) {
        const parsed = Policy.safeParse(plain({ Version: "2012-10-17", ...more, Statement }));
        assert.deepEqual(parsed.error?.issues ?? [], []);
      }
    });
  }

  for (const [what, statement] of [
    ["Principal and NotPrincipal", { ...base, Principal: "*", NotPrincipal: "*" }],
    ["neither of them", base],
    ["Action and NotAction", { ...base, Principal: "*", NotAction: "s3:*" }],
    ["no principal in its map", { ...base, Principal: {} }],
    ["a condition that is null", { ...base, Principal: "*", Condition: { Bool: { "aws:SecureTransport": null } } }],
    ["another bucket", { ...base, Principal: "*", Resource: "arn:aws:s3:::other/*" }],
  ] as const) {
    it(`is refused with ${what}`, () => {
      assert.equal(Policy.safeParse({ Version: "2012-10-17", Statement: [statement] }).success, false);
    });
  }

  it("is rendered in every place of a principal", () => {
    const Statement = { ...base, NotPrincipal: { AWS: "${principal.app}", CanonicalUser: ["${principal.web}"] } };
    const rendered = renderPolicy({ Statement } as Policy, "docs", { app: ["a", "b"], web: "c" });
    assert.deepEqual(statementsOf(rendered)[0]?.NotPrincipal, { AWS: ["a", "b"], CanonicalUser: ["c"] });
  });
});

describe("what policies mean", () => {
  const rewrite = rewrites();

  it("has one digest in all words that mean the same", () => {
    fc.assert(
      fc.property(anyPolicy, fc.infiniteStream(fc.nat(1_000)), (said, numbers) => {
        const next = (): number => numbers.next().value as number;
        let other = said;
        for (let count = 0; count < 4; count++) other = rewrite[next() % rewrite.length]!(other, next);
        assert.equal(policyDigest(other), policyDigest(said), JSON.stringify(other));
      }),
      { numRuns: 500 },
    );
  });

  it("has another digest after any edit that means something", () => {
    fc.assert(
      fc.property(anyPolicy, fc.nat(edits.length - 1), (said, edit) => {
        const other = edits[edit]!(structuredClone(said));
        if (other !== undefined) assert.notEqual(policyDigest(other), policyDigest(said), JSON.stringify(other));
      }),
      { numRuns: 500 },
    );
  });

  it("differs by version only where a variable could be meant", () => {
    const of = (Version: string | undefined, Resource: string) =>
      policyDigest({ ...(Version === undefined ? {} : { Version }), Statement: { ...denies, Resource } });
    const [fixed, variable] = ["arn:aws:s3:::b/home/*", "arn:aws:s3:::b/home/${aws:username}/*"];
    assert.equal(of("2008-10-17", fixed), of("2012-10-17", fixed));
    assert.notEqual(of("2008-10-17", variable), of("2012-10-17", variable));
    assert.equal(of("2008-10-17", variable), of(undefined, variable));
  });

  it("keeps the case of what has one: resources, values, tags", () => {
    const of = (more: object) => policyDigest({ Version: "2012-10-17", Statement: { ...denies, ...more } });
    for (const [a, b] of [
      [{ Resource: "arn:aws:s3:::b/A" }, { Resource: "arn:aws:s3:::b/a" }],
      [{ Condition: { StringEquals: { "aws:userid": "A" } } }, { Condition: { StringEquals: { "aws:userid": "a" } } }],
      [
        { Condition: { StringEquals: { "aws:PrincipalTag/Team": "x" } } },
        { Condition: { StringEquals: { "aws:PrincipalTag/team": "x" } } },
      ],
    ]) {
      assert.notEqual(of(a!), of(b!));
    }
  });
});

interface Raw {
  Version?: string;
  Id?: string;
  Statement: Record<string, unknown> | Record<string, unknown>[];
}

const texts = (...values: string[]) => fc.oneof(fc.constantFrom(...values), fc.subarray(values, { minLength: 1 }));
const anyStatement = fc.record(
  {
    Sid: fc.constantFrom("", "one", "Allow two"),
    Effect: fc.constantFrom("Allow", "Deny"),
    Principal: fc.oneof(
      fc.constant("*"),
      fc.record({ AWS: texts("*", "111122223333", "arn:aws:iam::444455556666:root", "arn:aws:iam::1:user/a") }),
      fc.record({ Service: texts("a.amazonaws.com", "b.amazonaws.com"), Federated: texts("x") }),
    ),
    Action: texts("s3:GetObject", "s3:Put*", "S3:deleteobject"),
    Resource: texts("arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:s3:::b/A?"),
    Condition: fc.record(
      {
        Bool: fc.record({ "aws:SecureTransport": fc.constantFrom(true, "true", false, "False") }),
        StringEquals: fc.record({ "s3:prefix": texts("a", "B"), "aws:PrincipalTag/Team": texts("x") }),
        NumericLessThan: fc.record({ "s3:max-keys": fc.constantFrom(10, "20", [5, "7"]) }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ["Effect", "Principal", "Action", "Resource"] },
);
const anyPolicy: fc.Arbitrary<Raw> = fc
  .array(anyStatement, { minLength: 1, maxLength: 3 })
  .map((Statement) => ({ Version: "2012-10-17", Statement }));

/** Other words of the same meaning, each chosen by numbers. */
function rewrites(): ((policy: Raw, next: () => number) => Raw)[] {
  const each =
    (edit: (statement: Record<string, unknown>, next: () => number) => Record<string, unknown>) =>
    (policy: Raw, next: () => number): Raw => ({
      ...policy,
      Statement: [policy.Statement].flat().map((statement) => edit(statement, next)),
    });
  const lists = (value: unknown, edit: (list: unknown[]) => unknown): unknown =>
    Array.isArray(value)
      ? edit(value)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, lists(inner, edit)]))
        : edit([value]);
  const inLists = (edit: (list: unknown[]) => unknown) =>
    each((statement) =>
      Object.fromEntries(
        Object.entries(statement).map(([key, value]) =>
          /^(?:Sid|Effect)$/.test(key) || value === "*" ? [key, value] : [key, lists(value, edit)],
        ),
      ),
    );
  const swapCase = (text: string): string =>
    Array.from(text, (char) => (char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase())).join("");
  return [
    (policy) => ({ ...policy, Statement: [policy.Statement].flat().reverse() }),
    (policy) => ({ ...policy, Version: "2008-10-17", Id: "some id" }),
    (policy) => {
      const [only, ...others] = [policy.Statement].flat();
      return others.length > 0 || only === undefined
        ? { ...policy, Statement: [policy.Statement, policy.Statement].flat() }
        : { ...policy, Statement: only };
    },
    inLists((list) => [...list].reverse()),
    inLists((list) => [...list, list[0]]),
    inLists((list) => (list.length === 1 ? list[0] : list)),
    inLists((list) =>
      list.map((item) => (typeof item === "boolean" || typeof item === "number" ? String(item) : item)),
    ),
    each((statement, next) => ({ ...statement, Sid: `Sid ${next()}` })),
    each(({ Action, ...rest }) => ({ ...rest, Action: [Action].flat().map((name) => swapCase(name as string)) })),
    each(({ Principal, ...rest }) => ({ ...rest, Principal: Principal === "*" ? { AWS: "*" } : Principal })),
    each(
      (statement) =>
        JSON.parse(
          JSON.stringify(statement)
            .replaceAll('"111122223333"', '"arn:aws:iam::111122223333:root"')
            .replaceAll('"arn:aws:iam::444455556666:root"', '"444455556666"')
            .replaceAll('"aws:SecureTransport"', '"AWS:securetransport"')
            .replaceAll('"False"', "false"),
        ) as Record<string, unknown>,
    ),
    each((statement) => (statement.Condition === undefined ? { ...statement, Condition: {} } : statement)),
    (policy) => reordered(policy) as Raw,
  ];
}

/** Edits that change what a policy means; undefined where there is nothing to edit. */
const edits: ((policy: Raw) => Raw | undefined)[] = [
  ...[
    (statement: Record<string, unknown>) => (statement.Effect = statement.Effect === "Allow" ? "Deny" : "Allow"),
    (statement: Record<string, unknown>) => (statement.Action = [statement.Action, "s3:ListBucket"].flat()),
    (statement: Record<string, unknown>) => (statement.Resource = [statement.Resource, "arn:aws:s3:::b/other"].flat()),
    (statement: Record<string, unknown>) => (statement.Principal = { AWS: "arn:aws:iam::777788889999:root" }),
    (statement: Record<string, unknown>) =>
      (statement.Condition = { ...(statement.Condition as object), Null: { "aws:userid": true } }),
    (statement: Record<string, unknown>) => {
      statement.NotAction = statement.Action;
      delete statement.Action;
    },
    (statement: Record<string, unknown>) => {
      statement.NotPrincipal = statement.Principal;
      delete statement.Principal;
    },
  ].map((edit) => (policy: Raw): Raw | undefined => {
    // A statement that is said twice is still said once.
    const statements = [policy.Statement].flat();
    if (statements.length > 1) return undefined;
    edit(statements[0]!);
    return { ...policy, Statement: statements };
  }),
];
