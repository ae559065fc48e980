import { matchesPattern } from "./actions";
import type { Statement } from "./schema/storage";

/** What is known of a request that a condition may ask for, by the lower-case key: `aws:securetransport`. */
export type RequestFacts = Readonly<Record<string, string>>;
/** `unknown`: the request would have to be made. */
export type Answer = "yes" | "no" | "unknown";

type Compare = (actual: string, wanted: string) => boolean;

const number = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));
const time = (text: string): number => (/^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text));
const comparisons = (read: (text: string) => number, prefix: string): [string, Compare][] => [
  [`${prefix}Equals`, (a, b) => read(a) === read(b)],
  [`${prefix}NotEquals`, (a, b) => read(a) !== read(b)],
  [`${prefix}LessThan`, (a, b) => read(a) < read(b)],
  [`${prefix}LessThanEquals`, (a, b) => read(a) <= read(b)],
  [`${prefix}GreaterThan`, (a, b) => read(a) > read(b)],
  [`${prefix}GreaterThanEquals`, (a, b) => read(a) >= read(b)],
];
const same: Compare = (a, b) => a === b;
const like: Compare = (a, b) => matchesPattern(b, a);
const sameFolded: Compare = (a, b) => a.toLowerCase() === b.toLowerCase();
const not =
  (compare: Compare): Compare =>
  (a, b) =>
    !compare(a, b);

/** The operators of a condition. Those without a comparison are known, but only the store can answer them. */
const operators: ReadonlyMap<string, Compare | undefined> = new Map<string, Compare | undefined>([
  ["StringEquals", same],
  ["StringNotEquals", not(same)],
  ["StringEqualsIgnoreCase", sameFolded],
  ["StringNotEqualsIgnoreCase", not(sameFolded)],
  ["StringLike", like],
  ["StringNotLike", not(like)],
  ["ArnEquals", like],
  ["ArnLike", like],
  ["ArnNotEquals", not(like)],
  ["ArnNotLike", not(like)],
  ["Bool", sameFolded],
  ...comparisons(number, "Numeric"),
  ...comparisons(time, "Date"),
  ["IpAddress", undefined],
  ["NotIpAddress", undefined],
  ["BinaryEquals", undefined],
  ["Null", undefined],
]);

/** An operator without what may stand around it: `ForAnyValue:StringLikeIfExists` is `StringLike`. */
const bare = (operator: string): string => operator.replace(/^For(?:Any|All)Values?:/, "").replace(/IfExists$/, "");

/** Whether an operator is one that the vendor knows. */
export function isOperator(operator: string): boolean {
  return (
    /^(?:(?:ForAnyValue|ForAllValues):)?[A-Za-z]+$/.test(operator) &&
    operators.has(bare(operator)) &&
    operator !== "NullIfExists"
  );
}

const keys = new Set(
  `aws:assumedroot aws:chatbotsourcearn aws:ec2instancesourceprivateipv4 aws:ec2instancesourcevpc
   aws:calledvia aws:calledviafirst aws:calledvialast aws:currenttime aws:epochtime aws:federatedprovider
   aws:multifactorauthage aws:multifactorauthpresent aws:principalaccount aws:principalarn
   aws:principalisawsservice aws:principalorgid aws:principalorgpaths aws:principalservicename
   aws:principalservicenameslist aws:principaltype aws:referer aws:requestedregion aws:resourceaccount
   aws:resourceorgid aws:resourceorgpaths aws:securetransport aws:sourceaccount aws:sourcearn aws:sourceip
   aws:sourceorgid aws:sourceorgpaths aws:sourcevpc aws:sourcevpcarn aws:sourcevpce aws:tagkeys aws:tokenissuetime aws:useragent
   aws:userid aws:username aws:viaawsservice aws:vpcsourceip
   s3:authtype s3:dataaccesspointaccount s3:dataaccesspointarn s3:delimiter s3:existingjoboperation s3:if-match
   s3:if-none-match s3:inventoryaccessibleoptionalfields s3:locationconstraint s3:max-keys
   s3:object-lock-legal-hold s3:object-lock-mode s3:object-lock-remaining-retention-days
   s3:object-lock-retain-until-date s3:objectcreationoperation s3:prefix s3:requestobjecttagkeys
   s3:resourceaccount s3:signatureage s3:signatureversion s3:tlsversion s3:versionid s3:x-amz-acl
   s3:x-amz-content-sha256 s3:x-amz-copy-source s3:x-amz-grant-full-control s3:x-amz-grant-read
   s3:x-amz-grant-read-acp s3:x-amz-grant-write s3:x-amz-grant-write-acp s3:x-amz-metadata-directive
   s3:x-amz-object-ownership s3:x-amz-server-side-encryption
   s3:x-amz-server-side-encryption-aws-kms-key-id s3:x-amz-server-side-encryption-customer-algorithm
   s3:x-amz-storage-class s3:x-amz-website-redirect-location`.split(/\s+/),
);

/** Whether a key of a condition is one that the vendor knows for S3, or one of an identity provider. */
export function isConditionKey(key: string): boolean {
  const lower = key.toLowerCase();
  return (
    keys.has(lower) ||
    /^(?!aws:|s3:)[a-z0-9.-]{1,100}(?:\/[a-z0-9._/-]{1,200})?:[a-z0-9._/-]{1,128}$/.test(lower) ||
    /^(?:aws:(?:principaltag|requesttag|resourcetag)|s3:(?:existingobjecttag|requestobjecttag|buckettag))\/.{1,128}$/.test(
      lower,
    )
  );
}

/** Whether the condition of a statement holds for a request: every operator and every key must, any value will do. */
export function conditionHolds(condition: Statement["Condition"], facts: RequestFacts): Answer {
  let answer: Answer = "yes";
  for (const [operator, block] of Object.entries(condition ?? {})) {
    for (const [key, values] of Object.entries(block)) {
      const compare = operators.get(bare(operator));
      const name = key.toLowerCase();
      const actual = Object.hasOwn(facts, name) ? facts[name] : undefined;
      const wanted = [values].flat().map(String);
      const plain = !operator.includes(":") && compare !== undefined && wanted.every((text) => !text.includes("${"));
      if (actual === undefined || !plain) {
        answer = "unknown";
        continue;
      }
      const negated = operator.includes("Not");
      const holds = negated
        ? wanted.every((value) => compare(actual, value))
        : wanted.some((value) => compare(actual, value));
      if (!holds) return "no";
    }
  }
  return answer;
}
