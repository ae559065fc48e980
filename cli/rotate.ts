import { readFileSync } from "node:fs";
import { describeError } from "../checks/probe";
import { writeAtomically } from "../records/atomic-file";
import type { Entry, Rotation } from "../records/entry";
import { sha256 } from "../records/line";
import type { ObjectStore } from "../release/schema/storage";
import { applyStackFile, standingIn } from "./apply";
import { exitCodeOf, exitCodes } from "./exit-codes";
import type { RotateJson } from "./json/change";
import { becomes, keyIssuerFor, stateOfKey, type KeyIssuer, type Keys } from "./keys";
import { checkLines, coloured } from "./report";
import { refuseUnrequested } from "./request";
import { Refusal, type Tell, type VerbResult } from "./result";
import { open, withClients, type OpenedStack, type Where } from "./stack";
import { withValueAt } from "../project/stack-edit";

/** What the caller wants of a rotation. */
export interface RotateOptions {
  readonly identity: string;
  readonly reason: string;
  readonly tell: Tell;
  readonly signal: AbortSignal;
}

/** An identity whose key can be rotated, and where its key stands. */
interface Located {
  readonly store: ObjectStore;
  readonly bucket: string;
  /** The names of its secrets. */
  readonly names: { readonly accessKey: string; readonly secretKey: string };
  readonly keys: Keys;
}

/**
 * `rewind rotate <identity>`: makes a new key beside the old one, lets policies name both, moves everything to the new
 * one, verifies, takes the old one back, sees it refused, and lets policies name the new one alone. Until the new key
 * is verified both work. Whatever ends it in between, running it again finishes it.
 */
export async function rotate(where: Where, options: RotateOptions): Promise<VerbResult<RotateJson>> {
  const first = await open(where);
  const standing = standingIn(first);
  if (standing !== undefined) throw new Refusal(standing.reason, standing.next, standing.kind);
  const located = locate(first, options.identity);
  // One that was begun is finished: half of it is worse than all of it.
  const pending = pendingRotation(first.log.entries(), options.identity);
  if (pending === undefined) {
    const file = sha256(readFileSync(first.file));
    const { accessKey } = located.keys;
    // The stack file is applied as a whole, with whatever else was edited in it.
    refuseUnrequested(
      first,
      `rotate: another key for ${options.identity}, ${accessKey} revoked, by the stack file ${file}`,
    );
  }
  return withClients(first, async (clients) => {
    const issuer = keyIssuerFor(located.store, clients);
    const old = pending?.from ?? located.keys.accessKey;
    if (pending?.step !== "revoked") {
      const resumed = pending !== undefined && located.keys.accessKey !== old && (await works(located, located.keys));
      if (resumed) options.tell(`Going on with the rotation from ${old} to ${located.keys.accessKey} …`);
      else await issue(first, located, issuer, pending, old, options);
      const moved = await apply(await open(where), `rotate ${options.identity}: ${options.reason}`, options);
      if (moved !== undefined) return moved;
      await revoke(await open(where), issuer, old, located, options);
    }
    const second = await open(where);
    const { keys } = locate(second, options.identity);
    rename(second, old, [keys.accessKey]);
    const tidied = await apply(await open(where), `rotate ${options.identity}: only the new key is named`, options);
    if (tidied !== undefined) return tidied;
    const entry = record(second, options, "finished", old, keys.accessKey);
    const text = [
      coloured("green", `ROTATED: ${options.identity} uses ${keys.accessKey}; ${old} is refused`),
      `deployment log: ${second.log.location} entry ${entry.id}`,
    ].join("\n");
    const moved = { identity: options.identity, from: old, to: keys.accessKey, entry: entry.id };
    return { code: exitCodes.ok, text, json: { outcome: "rotated" as const, ...moved } };
  });
}

function locate({ settings, secrets }: OpenedStack, identity: string): Located {
  const store = settings.environment.objectStore;
  const known: Readonly<Record<string, Located["names"]>> = {
    ...store?.identities,
    ...(store?.stranger === undefined ? {} : { stranger: store.stranger }),
  };
  const names = Object.hasOwn(known, identity) ? known[identity] : undefined;
  const bucket = Object.values(store?.buckets ?? {})[0];
  if (names !== undefined && bucket === undefined) {
    throw new Refusal(
      "the object store has no bucket on which keys could be tested",
      "name one under rewind:environment.objectStore.buckets",
    );
  }
  if (store === undefined || names === undefined || bucket === undefined) {
    const [firstIdentity, ...others] = Object.keys(known);
    const list = [firstIdentity ?? "none", ...others].join(", ");
    throw new Refusal(
      `no keys of an identity ${identity}; the environment has ${list}`,
      firstIdentity === undefined
        ? "name one under rewind:environment.objectStore.identities"
        : `rewind rotate ${firstIdentity} --reason "…"`,
    );
  }
  const keys = { accessKey: secrets[names.accessKey] ?? "", secretKey: secrets[names.secretKey] ?? "" };
  return { store, bucket, names, keys };
}

/** The rotation of an identity that has not come to its end. */
function pendingRotation(entries: readonly Entry[], identity: string): Rotation | undefined {
  const last = entries.findLast((entry) => entry.kind === "rotation" && entry.identity === identity);
  return last?.kind === "rotation" && last.step !== "finished" ? last : undefined;
}

const works = async ({ store, bucket }: Located, keys: Keys): Promise<boolean> =>
  (await stateOfKey(store, bucket, keys)) === "accepted";

/** Makes the new key. What an interrupted try made is taken back first: nobody has ever used it. */
async function issue(
  stack: OpenedStack,
  { names }: Located,
  issuer: KeyIssuer,
  pending: Rotation | undefined,
  old: string,
  options: RotateOptions,
): Promise<void> {
  if (pending !== undefined) {
    await issuer.discard(old, pending.to, new Date(pending.at));
    rename(stack, pending.to, []);
  }
  const name = await issuer.next(old);
  record(stack, options, "begun", old, name);
  options.tell(`Making a key beside ${old} …`);
  const made = await issuer.create(old, name);
  rename(stack, old, [old, made.accessKey]);
  await stack.engine.setSecrets({ [names.accessKey]: made.accessKey, [names.secretKey]: made.secretKey });
}

/** Writes other names where principals have one; the stack file stays as it is where none has. */
function rename({ file, settings }: OpenedStack, from: string, to: readonly string[]): void {
  const before = readFileSync(file, "utf8");
  const principals = Object.entries(settings.environment.objectStore?.principals ?? {});
  const after = principals.reduce((text, [name, value]) => {
    const names = [value].flat();
    if (from === "" || !names.includes(from)) return text;
    const renamed = [...new Set([...names.filter((each) => each !== from && !to.includes(each)), ...to])];
    const only = renamed.length === 1 ? renamed[0] : renamed;
    return withValueAt(text, ["rewind:environment", "objectStore", "principals", name], only);
  }, before);
  if (after !== before) writeAtomically(file, after);
}

/** Applies the stack as it stands; undefined when it is verified, else what the verb answers. */
async function apply(
  stack: OpenedStack,
  message: string,
  options: RotateOptions,
): Promise<VerbResult<RotateJson> | undefined> {
  const applied = await applyStackFile(stack, readFileSync(stack.file, "utf8"), message, options);
  if (applied.end === "unchanged") return undefined;
  if (applied.end === "judged" && applied.outcome.result === "passed") return undefined;
  const reason = applied.end === "judged" ? checkLines(applied.outcome.checks).join("\n") : applied.reason;
  const code = applied.end === "judged" ? exitCodeOf[applied.outcome.result] : exitCodes.error;
  const headline = coloured("red", `ROTATION UNFINISHED: the update for ${options.identity} did not come to its end`);
  const next = `rewind rotate ${options.identity} --reason "…", which goes on where this ended`;
  const json = { outcome: "unfinished" as const, identity: options.identity, reason, next };
  return { code, text: `${headline}\n${reason}\nNext: ${next}`, json };
}

/** Takes the old key back once the new one has been seen to work, and sees the old one refused. */
async function revoke(
  stack: OpenedStack,
  issuer: KeyIssuer,
  old: string,
  before: Located,
  options: RotateOptions,
): Promise<void> {
  const now = locate(stack, options.identity);
  const again = `rewind rotate ${options.identity} --reason "…"`;
  if (!(await becomes("accepted", () => stateOfKey(now.store, now.bucket, now.keys)))) {
    throw new Refusal(`the new key ${now.keys.accessKey} is not accepted; ${old} still works`, again);
  }
  await issuer.revoke(old).catch((error: unknown) => {
    throw new Refusal(`${old} could not be taken back: ${describeError(error)}`, again);
  });
  // A later try does not know the old secret any more; a key that is gone is refused whatever its secret.
  const secretKey = before.keys.accessKey === old ? before.keys.secretKey : "unknown";
  const key = { accessKey: old, secretKey };
  if (!(await becomes("unknown", () => stateOfKey(now.store, now.bucket, key)))) {
    throw new Refusal(`${old} was taken back, but the store does not refuse it yet`, again);
  }
  options.tell(`${old} is refused.`);
  record(stack, options, "revoked", old, now.keys.accessKey);
}

function record(
  { log }: OpenedStack,
  { identity, reason }: RotateOptions,
  step: Rotation["step"],
  from: string,
  to: string,
): Entry {
  return log.append({ kind: "rotation", identity, step, from, to, reason });
}
