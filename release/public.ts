import type { Statement } from "./schema/storage";

/**
 * Whether a condition leaves few of everybody, as S3 itself judges which policies are public ("The meaning of public" in
 * Blocking public access, Amazon S3 User Guide, read in November 2026): fixed values, without a wildcard or a variable, of
 * one of these keys; addresses not broader than /8, or /32 of IPv6 (no private range is); access points of a fixed
 * account. What holds for requests that lack the key as well (`…IfExists`, `ForAllValues:`) leaves everybody.
 */
export function leavesFew(statement: Pick<Statement, "Condition">): boolean {
  return someCondition(statement, (operator, key, values) => {
    if (operator === "IpAddress") return key === "aws:sourceip" && values.every(isNarrow);
    if (!comparison.test(operator)) return false;
    if (key === "s3:dataaccesspointarn") return values.every(isOfOneAccount);
    return keys.has(key) && values.every(isFixed);
  });
}

/** What names one source: an ARN with an account or of a bucket, an account, an organization, a VPC or its endpoint. */
const source = /^(?:arn:[^$]+:\d{12}:.|arn:[^:*?$]+:s3:::[^*?$]+$|\d{12}$|o-[a-z0-9]+(?:\/|$)|vpce?-[0-9a-f]+$)/;

/**
 * Whether a condition lets in only requests that come from, or are made on behalf of, what its values name: the request
 * has one of the keys, and each value names an account, an organization or a single resource, whatever follows it.
 *
 * @param sources the keys, in small letters
 */
export function namesSource(statement: Pick<Statement, "Condition">, sources: ReadonlySet<string>): boolean {
  return someCondition(
    statement,
    (operator, key, values) =>
      comparison.test(operator) && sources.has(key) && values.every((each) => source.test(each)),
  );
}

function someCondition(
  { Condition = {} }: Pick<Statement, "Condition">,
  holds: (operator: string, key: string, values: readonly string[]) => boolean,
): boolean {
  return Object.entries(Condition).some(([operator, block]) =>
    Object.entries(block).some(([key, given]) => {
      const values = [given].flat().map(String);
      return values.length > 0 && holds(operator, key.toLowerCase(), values);
    }),
  );
}

const comparison = /^(?:ForAnyValue:)?(?:String(?:Equals(?:IgnoreCase)?|Like)|Arn(?:Equals|Like))$/;

/** An AWS principal by any of its names, and where a request comes from. */
const keys = new Set(
  `aws:principalaccount aws:principalarn aws:principalorgid aws:sourceaccount aws:sourcearn aws:sourceorgid
   aws:sourceowner aws:sourcevpc aws:sourcevpce aws:userid s3:dataaccesspointaccount`.split(/\s+/),
);

const isFixed = (value: string): boolean => !/[*?]|\$\{/.test(value);

/** An access point may have any name where everything before it is fixed. */
const isOfOneAccount = (arn: string): boolean => /^arn:[^:*?$]+:s3:[^:*?$]+:\d{12}:accesspoint\/[^$]+$/.test(arn);

const version4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const version6 = /^[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}$/i;

function isNarrow(range: string): boolean {
  const [, address = "", bits = "128"] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(range) ?? [];
  return version4.test(address) ? Number(bits) >= 8 : version6.test(address) && Number(bits) >= 32;
}
