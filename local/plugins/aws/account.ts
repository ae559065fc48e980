import type { ECS } from "@aws-sdk/client-ecs";
import type { Lambda } from "@aws-sdk/client-lambda";
import type { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { isBag, textOf, UNKNOWN, type Bag, type Value } from "../schema";

/** The account and the region that the provider names; every client is made with the first call that needs it. */
export interface Account {
  readonly ecs: () => Promise<ECS>;
  readonly lambda: () => Promise<Lambda>;
  readonly secrets: () => Promise<SecretsManager>;
  readonly region: () => string;
}

/** Whether a call ended because there is no such thing. */
export function isGone(error: unknown): boolean {
  return (
    error instanceof Error && /^(?:ResourceNotFound|ServiceNotFound|ServiceNotActive|ClusterNotFound)/.test(error.name)
  );
}

/** An error with the name of what it is about before it: the vendor's own text often names nothing. */
export function concerning(what: string, error: unknown): Error {
  const found = error instanceof Error ? error : new Error(String(error));
  return new Error(`${what}: ${found.name}: ${found.message}`, { cause: error });
}

/** What a text property says, undefined where it is empty or yet to be decided. */
export function said(value: Value | undefined): string | undefined {
  const text = textOf(value);
  return text === "" || text === UNKNOWN ? undefined : text;
}

export const bagOf = (value: Value | undefined): Bag => (isBag(value) ? value : {});
export const bagsOf = (value: Value | undefined): Bag[] => (Array.isArray(value) ? value.filter(isBag) : []);
export const textsOf = (value: Value | undefined): string[] => (Array.isArray(value) ? value.map(textOf) : []);

/** `tags` as a list, in the field's spelling of each service. */
export function tagPairs(planned: Bag): [string, string][] {
  return Object.entries(bagOf(planned.tagsAll)).map(([key, value]) => [key, textOf(value)]);
}

/** `planned` without what nobody decided yet: what remains unknown is nothing that the program can ask for. */
export function known(planned: Bag): Bag {
  return Object.fromEntries(Object.entries(planned).map(([key, value]) => [key, value === UNKNOWN ? null : value]));
}

/** Asks until `settled` says so, at most for `seconds`; what it says last is in the error. */
export async function until(what: string, seconds: number, settled: () => Promise<true | string>): Promise<void> {
  const end = Date.now() + seconds * 1_000;
  for (let pause = 100; ; pause = Math.min(pause * 2, 5_000)) {
    const state = await settled();
    if (state === true) return;
    if (Date.now() + pause > end) throw new Error(`${what}: after ${seconds} s still ${state}`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
