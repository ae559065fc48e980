import { isForEverybody, isOf } from "../access";
import { actions } from "../actions";
import { canonicalJson } from "../canonical";
import { storedPolicy } from "../policy";
import { leavesFew } from "../public";
import { isOnAws } from "../runtime";
import type { ObjectStore, Statement } from "../schema/storage";
import { utf8Bytes } from "../size";
import { listed, problem, type Rule } from "./rule";
import { eachBucket, eachStatement } from "./storage";

/**
 * Nobody in particular ever writes, whatever a release says; reading is for everybody only where it says why. Everybody
 * but some is everybody, and every action but some is what is left of all.
 */
export const everybodyOnlyReads: Rule = (settings) =>
  eachStatement(settings, (statement, at, { pin, store }) => {
    if (statement.Effect !== "Allow" || !isForEverybody(statement) || isNarrowed(statement, store)) return [];
    const [who, element] =
      statement.Principal === undefined ? ["everybody but a few", "NotPrincipal"] : ["everybody", "Principal"];
    const more = [...actions.keys()].filter((action) => isOf(statement, action) && !publicActions.has(action));
    if (more.length > 0) {
      const action = [...at, statement.Action === undefined ? "NotAction" : "Action"];
      return [problem(action, `${who} would be allowed ${listed(more)}; name the principals that may`)];
    }
    if (pin.public !== undefined) return [];
    return [problem([...at, element], `${who} may read only where the bucket says public: {reason: …}`)];
  });

/** Whether a condition leaves few of everybody. Other stores than AWS may not know these keys and let everybody in. */
const isNarrowed = (statement: Statement, store: ObjectStore): boolean =>
  isOnAws({ objectStore: store }) && leavesFew(statement);

/** The most that S3 and the stores like it take. */
const largestPolicy = 20_480;

export const policiesFit: Rule = (settings) =>
  eachBucket(settings, ({ at, pin, bucket, store }) => {
    const bytes = utf8Bytes(canonicalJson(storedPolicy(pin, bucket, store)));
    if (bytes <= largestPolicy) return [];
    return [
      problem(
        [...at, "policy"],
        `has ${bytes} bytes with its names filled in; a bucket's policy has at most ${largestPolicy}: put statements together, or use wildcards`,
      ),
    ];
  });

/** S3 stores a canonical user as the account or identity behind it, which would read back as another policy for ever. */
export const canonicalUsersReadBack: Rule = (settings) =>
  eachStatement(settings, (statement, at, { store }) => {
    if (!isOnAws({ objectStore: store })) return [];
    return (["Principal", "NotPrincipal"] as const).flatMap((element) => {
      const principal = statement[element];
      if (principal === undefined || principal === "*" || principal.CanonicalUser === undefined) return [];
      const message = "S3 stores a canonical user as the account or identity behind it; name that, as AWS: …";
      return [problem([...at, element, "CanonicalUser"], message)];
    });
  });

/** All that everybody can ever be allowed: to see objects and their names. */
const publicActions = new Set(["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation"]);
