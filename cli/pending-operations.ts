import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import { redactor } from "../release/redact";
import type { Tell } from "./result";
import { inOneLine } from "./rollback-run";
import { withClients, type OpenedStack } from "./stack";

/** An operation that the engine had begun when it was killed. Its state remembers it, and every update warns of it. */
export interface PendingOperation {
  /** `creating`, `updating`, `deleting`, … */
  readonly operation: string;
  /** The resource's type: `docker:index/container:Container`. */
  readonly type: string;
  /** Its name in the program. */
  readonly name: string;
}

/** What a state says of unfinished operations, and the ids of all resources that it has. */
export interface EngineState {
  readonly pending: readonly PendingOperation[];
  readonly ids: ReadonlySet<string>;
}

/** @param text the state as the engine exports it */
export function readEngineState(text: string): EngineState {
  const { deployment } = JSON.parse(text) as {
    readonly deployment: {
      readonly resources?: readonly { readonly id?: string }[] | null;
      readonly pending_operations?:
        readonly { readonly type: string; readonly resource: { readonly urn: string; readonly type: string } }[] | null;
    };
  };
  return {
    ids: new Set((deployment.resources ?? []).flatMap(({ id }) => (id === undefined ? [] : [id]))),
    pending: (deployment.pending_operations ?? []).map(({ type: operation, resource: { urn, type } }) => ({
      operation,
      type,
      name: urn.slice(urn.lastIndexOf("::") + 2),
    })),
  };
}

/**
 * Whether nothing is left behind by an operation that was killed, whatever it had done: the engine forgets all but
 * creations by itself; an image that was pulled is found again by its digest, a volume by its name; Rewind's own resources
 * and those of the engine do their work again or find it done.
 */
export function isHarmless({ operation, type }: PendingOperation): boolean {
  if (operation !== "creating") return true;
  return (
    type.startsWith("pulumi:") ||
    type.startsWith("pulumi-nodejs:dynamic") ||
    type === "docker:index/remoteImage:RemoteImage" ||
    type === "docker:index/volume:Volume"
  );
}

const container = "docker:index/container:Container";

/**
 * Clears what the engine remembers of operations that a kill cut off, as far as they are proved to be harmless. A
 * container that was made and is in no state is removed: its labels say that it is this stack's. Where something may
 * have been made and cannot be looked for, all of it stays, and is named with the command that settles it.
 *
 * It comes after an update of this process: that one had the engine's lock, so the operations are no longer under way.
 * @throws Error when the engine or Docker does not answer; what was not cleared is warned of by the next update
 */
export async function settlePendingOperations(stack: OpenedStack, tell: Tell): Promise<void> {
  const { engine, settings } = stack;
  const text = await engine.exportState();
  const { pending, ids } = readEngineState(text);
  if (pending.length === 0) return;
  const others = pending.filter((each) => !isHarmless(each));
  if (others.some(({ type }) => type === container)) {
    const removed = await withClients(stack, ({ docker }) => removeUnknown(docker, settings.environment.name, ids));
    for (const name of removed)
      tell(`${name} was made by the update that was killed and is in no state; it is removed`);
  }
  const unsettled = others.filter(({ type }) => type !== container);
  if (unsettled.length > 0) {
    const names = unsettled.map(({ type, name }) => `${type} ${name}`).join(", ");
    tell(
      `The engine was killed while it made ${names}: look whether it is there. ` +
        "pulumi refresh asks for its id, and forgets it without an id.",
    );
    return;
  }
  await withFile(text, (file) => engine.importState(file));
  tell(`Cleared ${pending.map(({ operation, name }) => `${operation} ${name}`).join(", ")}: nothing is left of it.`);
}

/** The same after an update that succeeded, which it still is where this fails: a line says why then. */
export async function trySettling(stack: OpenedStack, tell: Tell): Promise<void> {
  try {
    await settlePendingOperations(stack, tell);
  } catch (error) {
    const reason = inOneLine(error instanceof Error ? error.message : String(error), redactor(stack.secrets));
    tell(`What the engine remembers of the killed update could not be cleared: ${reason}`);
  }
}

/** Hears whether the engine, while it updates, warns of operations that an earlier update was killed in. */
export function pendingIn(tell: Tell): { readonly tell: Tell; readonly said: () => boolean } {
  let heard = "";
  let said = false;
  return {
    tell: (text) => {
      // The warning may come in two pieces.
      heard = `${heard}${text}`.slice(-1_000);
      said ||= /with \d+ pending operations from previous deployment/.test(heard);
      tell(text);
    },
    said: () => said,
  };
}

/** Removes the containers of a stack that no state has. Returns their names. */
async function removeUnknown(docker: Docker, environment: string, ids: ReadonlySet<string>): Promise<string[]> {
  const filters = { label: [`rewind.stack=${environment}`, "rewind.entry"] };
  const all = await docker.listContainers({ all: true, filters });
  const unknown = all.filter(({ Id }) => !ids.has(Id));
  for (const { Id } of unknown) await docker.getContainer(Id).remove({ force: true, v: true });
  return unknown.map(({ Names, Id }) => Names[0]?.slice(1) ?? Id);
}

/** The engine reads a state from a file alone; importing one drops all that it remembers of unfinished operations. */
async function withFile(text: string, work: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rewind-state-"));
  try {
    const file = join(folder, "state.json");
    writeFileSync(file, text, { mode: 0o600 });
    await work(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
