import assert from "node:assert/strict";
import fc from "fast-check";
import { decide, telltaleKeys, type AccessRequest } from "../../release/access";
import { actions, actionsMatching, matchesPattern } from "../../release/actions";
import { conditionHolds, isConditionKey, isOperator } from "../../release/conditions";
import type { Policy, Statement } from "../../release/schema/storage";

const allow: Statement = {
  Effect: "Allow",
  Principal: { AWS: "app" },
  Action: ["s3:GetObject", "s3:PutObject"],
  Resource: "arn:aws:s3:::docs/in/*",
};
const policyOf = (...Statement: Statement[]): Policy => ({ Version: "2012-10-17", Statement });
const request: AccessRequest = { principals: ["app"], action: "s3:GetObject", bucket: "docs", key: "in/a" };

const principal = fc.constantFrom("app", "other");
const action = fc.constantFrom("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:*", "s3:Get*");
const resource = fc.constantFrom("arn:aws:s3:::docs/*", "arn:aws:s3:::docs/in/*", "arn:aws:s3:::docs/in/?");
const statement: fc.Arbitrary<Statement> = fc.record({
  Effect: fc.constantFrom("Allow" as const, "Deny" as const),
  Principal: fc.oneof(fc.constant("*" as const), fc.record({ AWS: principal })),
  Action: action,
  Resource: resource,
});
const statements = fc.array(statement, { minLength: 1, maxLength: 5 });
const asked: fc.Arbitrary<AccessRequest> = fc.record({
  principals: fc.subarray(["app", "other"]),
  action: fc.constantFrom("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
  bucket: fc.constant("docs"),
  key: fc.constantFrom("in/a", "in/abc", "out/a"),
});

describe("what a policy says", () => {
  it("is nothing of what no statement speaks of", () => {
    assert.equal(decide(policyOf(allow), request), "allow");
    assert.equal(decide(policyOf(allow), { ...request, key: "out/a" }), "none");
    assert.equal(decide(policyOf(allow), { ...request, action: "s3:DeleteObject" }), "none");
    assert.equal(decide(policyOf(allow), { ...request, principals: [] }), "none");
    assert.equal(decide(policyOf(allow), { ...request, bucket: "docs2" }), "none");
  });

  it("is a denial wherever a statement denies, in whatever order they stand", () => {
    const deny: Statement = { ...allow, Effect: "Deny", Principal: "*", Resource: "arn:aws:s3:::docs/in/secret*" };
    for (const policy of [policyOf(allow, deny), policyOf(deny, allow)]) {
      assert.equal(decide(policy, { ...request, key: "in/secret1" }), "deny");
      assert.equal(decide(policy, request), "allow");
    }
  });

  it("depends where a condition is not known", () => {
    const inside: Statement["Condition"] = { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } };
    assert.equal(decide(policyOf({ ...allow, Condition: inside }), request), "depends");
    const deny: Statement = { ...allow, Effect: "Deny", Condition: inside };
    assert.equal(decide(policyOf(allow, deny), request), "depends");
    assert.equal(decide(policyOf(deny), request), "none", "denied either way");
  });

  it("is seen through what a statement leaves out", () => {
    const bare = { Effect: "Allow" } as const;
    const notAction: Statement = { ...bare, Principal: "*", NotAction: "s3:Put*", Resource: "arn:aws:s3:::docs/*" };
    assert.equal(decide(policyOf(notAction), request), "allow");
    assert.equal(decide(policyOf(notAction), { ...request, action: "s3:putObject" }), "none");
    const notResource: Statement = { ...allow, NotResource: "arn:aws:s3:::docs/in/*" };
    delete notResource.Resource;
    assert.equal(decide(policyOf(notResource), request), "none");
    assert.equal(decide(policyOf(notResource), { ...request, key: "out/a" }), "allow");
    const others: Statement = {
      ...bare,
      Effect: "Deny",
      NotPrincipal: { AWS: "app" },
      Action: "s3:*",
      Resource: "arn:aws:s3:::docs/*",
    };
    assert.equal(decide(policyOf(allow, others), request), "allow");
    assert.equal(decide(policyOf(allow, others), { ...request, principals: ["other"] }), "deny");
    assert.equal(decide(policyOf(allow, others), { ...request, principals: [] }), "deny");
  });

  it("depends where the store alone knows who is meant, or what", () => {
    const user = "arn:aws:iam::111122223333:user/app";
    const asked = { ...request, principals: [user] };
    for (const Principal of [
      { AWS: "111122223333" },
      { AWS: "arn:aws:iam::111122223333:root" },
      { CanonicalUser: "79a5" },
    ] satisfies Statement["Principal"][]) {
      assert.equal(decide(policyOf({ ...allow, Principal }), asked), "depends", JSON.stringify(Principal));
      assert.equal(decide(policyOf({ ...allow, Principal }), { ...asked, principals: [] }), "none");
    }
    assert.equal(decide(policyOf({ ...allow, Principal: { AWS: "444455556666" } }), asked), "none");
    assert.equal(decide(policyOf({ ...allow, Principal: { Service: "a.amazonaws.com" } }), asked), "none");
    const home: Statement = { ...allow, Resource: "arn:aws:s3:::docs/${aws:username}/*" };
    assert.equal(decide(policyOf(home), request), "depends");
    assert.equal(decide(policyOf({ ...home, Resource: "arn:aws:s3:::docs/home/${aws:username}" }), request), "none");
  });

  it("excepts a user from a Deny for everybody else only where its account is named as well", () => {
    const user = "arn:aws:iam::111122223333:user/app";
    const deny = (AWS: string[]): Statement => {
      const statement: Statement = { ...allow, Effect: "Deny", NotPrincipal: { AWS } };
      delete statement.Principal;
      return statement;
    };
    const on = { ...request, principals: [user] };
    const own: Statement = { ...allow, Principal: { AWS: user } };
    assert.equal(decide(policyOf(own, deny([user])), on), "depends");
    assert.equal(decide(policyOf(own, deny([user, "111122223333"])), on), "allow");
  });

  it("is tried with conditions that are booleans and numbers", () => {
    const facts = { "aws:securetransport": "true", "s3:signatureage": "0" };
    const of = (Condition: Statement["Condition"]) => decide(policyOf({ ...allow, Condition }), { ...request, facts });
    assert.equal(of({ Bool: { "aws:SecureTransport": true } }), "allow");
    assert.equal(of({ Bool: { "aws:SecureTransport": [false] } }), "none");
    assert.equal(of({ NumericLessThan: { "s3:signatureAge": 600_000 } }), "allow");
  });

  it("does not change with the order of its statements", () => {
    fc.assert(
      fc.property(statements, asked, (list, ask) => {
        assert.equal(decide(policyOf(...list), ask), decide(policyOf(...[...list].reverse()), ask));
      }),
    );
  });

  it("never allows more for one more Deny, and never less for one more Allow", () => {
    fc.assert(
      fc.property(statements, statement, asked, (list, more, ask) => {
        const before = decide(policyOf(...list), ask);
        const after = decide(policyOf(...list, more), ask);
        if (more.Effect === "Deny") assert.ok(after !== "allow" || before === "allow");
        else assert.ok(before !== "allow" || after === "allow");
      }),
    );
  });

  it("is for everybody what it is for nobody in particular", () => {
    fc.assert(
      fc.property(statements, asked, (list, ask) => {
        const everybody = list.filter(({ Principal }) => Principal === "*");
        if (everybody.length === 0) return;
        const said = decide(policyOf(...everybody), { ...ask, principals: [] });
        assert.equal(decide(policyOf(...everybody), ask), said);
      }),
    );
  });

  it("is asked of a key below each of its patterns, and of one beside them", () => {
    const policy = policyOf(allow, { ...allow, Resource: ["arn:aws:s3:::docs", "arn:aws:s3:::docs/a?/*.pdf"] });
    assert.deepEqual(telltaleKeys(policy, "docs", "probe"), ["in/probe", "ax/probe.pdf", "probe"]);
    const exact = policyOf({ ...allow, Resource: "arn:aws:s3:::docs/customers.csv" });
    assert.deepEqual(telltaleKeys(exact, "docs", "probe"), ["probe"], "a key that is named in full is a customer's");
  });
});

describe("a pattern of a policy", () => {
  it("means what a regular expression made of it means", () => {
    const unit = fc.constantFrom("a", "b", "*", "?");
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 8 }),
        fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 }),
        (pattern, text) => {
          const meant = new RegExp(`^${pattern.replace(/\*/g, ".*").replace(/\?/g, ".")}$`);
          assert.equal(matchesPattern(pattern, text), meant.test(text));
        },
      ),
    );
  });

  it("does not take for ever on what is made to take for ever", () => {
    assert.equal(matchesPattern(`${"*a".repeat(200)}b`, "a".repeat(5_000)), false);
  });
});

describe("the actions of S3", () => {
  it("are found by their names and by patterns of them", () => {
    assert.deepEqual(actionsMatching("s3:GetObject"), ["s3:GetObject"]);
    assert.deepEqual(actionsMatching("s3:getobject"), ["s3:GetObject"]);
    assert.deepEqual(actionsMatching("s3:GetObjcet"), []);
    assert.equal(actionsMatching("s3:*").length, actions.size);
    assert.ok(actionsMatching("s3:Put*").includes("s3:PutBucketPolicy"));
  });
});

describe("a condition of a policy", () => {
  const facts = { "aws:securetransport": "false", "s3:signatureage": "900001", "s3:prefix": "documents/a" };
  const answers: [NonNullable<Statement["Condition"]>, string][] = [
    [{ Bool: { "aws:SecureTransport": "false" } }, "yes"],
    [{ Bool: { "AWS:securetransport": ["true", "FALSE"] } }, "yes"],
    [{ BoolIfExists: { "aws:SecureTransport": "true" } }, "no"],
    [{ NumericGreaterThan: { "s3:signatureAge": "900000" } }, "yes"],
    [{ NumericLessThanEquals: { "s3:signatureAge": "900000" } }, "no"],
    [{ StringLike: { "s3:prefix": ["x/*", "documents/*"] } }, "yes"],
    [{ StringNotEquals: { "s3:prefix": ["documents/a", "documents/b"] } }, "no"],
    [{ StringEquals: { "aws:PrincipalArn": "arn" } }, "unknown"],
    [{ StringEquals: { "aws:PrincipalArn": "arn", "s3:prefix": "other" } }, "no"],
    [{ "ForAnyValue:StringEquals": { "s3:prefix": "documents/a" } }, "unknown"],
    [{ StringLike: { "s3:prefix": "home/${aws:username}/*" } }, "unknown"],
    [{ Null: { "s3:prefix": "true" } }, "unknown"],
  ];
  for (const [condition, answer] of answers) {
    it(`answers ${answer}: ${JSON.stringify(condition)}`, () => {
      assert.equal(conditionHolds(condition, facts), answer);
    });
  }

  it("has operators and keys that the vendor knows", () => {
    for (const known of [
      "StringEquals",
      "StringNotLikeIfExists",
      "ForAllValues:StringLike",
      "NumericLessThan",
      "Null",
    ]) {
      assert.ok(isOperator(known), known);
    }
    for (const unknown of ["StringEqual", "ForSomeValues:StringLike", "NullIfExists", "", "constructor"]) {
      assert.ok(!isOperator(unknown), unknown);
    }
    assert.ok(isConditionKey("AWS:SourceIp") && isConditionKey("s3:ExistingObjectTag/class"));
    assert.ok(
      !isConditionKey("aws:SourceIpp") && !isConditionKey("s3:ExistingObjectTag/") && !isConditionKey("toString"),
    );
  });
});
