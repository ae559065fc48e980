import { author } from "../records/log";
import type { Settings } from "../release/parse";
import { milliseconds, type Duration } from "../release/primitives";
import { Refusal } from "./result";
import type { OpenedStack } from "./stack";

/** How long an agreement holds unless the stack says it. */
const usual = "30m";
/** By how much two machines may tell the time differently, in milliseconds. */
const clocksDiffer = 60_000;

/** An agreement: who gave it, and when. */
interface Given {
  readonly by: string;
  readonly at: string;
}

/** How long an agreement holds on this stack. */
export const validFor = ({ approval }: Settings): Duration => approval?.validFor ?? usual;

/**
 * Refuses an agreement on a stack that asks for none.
 * @param next the command to type instead
 * @throws Refusal
 */
export function refuseUnasked({ engine, settings }: Pick<OpenedStack, "engine" | "settings">, next: string): void {
  if (settings.approval !== undefined) return;
  throw new Refusal(`${engine.name} asks for no second agreement (rewind:approval)`, next);
}

/**
 * Why the agreements that were given do not let the author of the next entry go on; undefined where one does.
 * @param given in the order in which they were given
 * @param missing the reason when there is no agreement
 */
export function whyNotAgreed(
  given: readonly Given[],
  settings: Settings,
  now: Date,
  missing: string,
): string | undefined {
  const others = given.filter(({ by }) => !isSamePerson(by, author()));
  const age = ({ at }: Given): number => now.getTime() - Date.parse(at);
  if (others.some((each) => age(each) >= -clocksDiffer && age(each) <= milliseconds(validFor(settings))))
    return undefined;
  const [own, old] = [given.at(-1), others.at(-1)];
  if (old !== undefined) {
    return age(old) < -clocksDiffer
      ? `the approval by ${old.by} of ${old.at} is from the future: a clock is wrong`
      : `the approval by ${old.by} of ${old.at} is older than ${validFor(settings)}`;
  }
  return own === undefined ? missing : `${own.by} approved this and cannot be the second person, too`;
}

/**
 * Whether two authors of entries may be one person: the same name on two machines is one, and so is an account that names
 * its operator once and forgets it the next time.
 */
export function isSamePerson(one: string, other: string): boolean {
  const [a, b] = [personOf(one), personOf(other)];
  if (a.operator !== undefined && b.operator !== undefined) return a.operator === b.operator;
  return a.user === b.user || (a.operator ?? a.user) === (b.operator ?? b.user);
}

function personOf(by: string): { readonly operator: string | undefined; readonly user: string } {
  const [, operator, user = ""] = /^(?:(\S+) via )?(.*)@[^@]*$/.exec(by) ?? [];
  return { operator, user };
}
