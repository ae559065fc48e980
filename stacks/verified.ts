import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import type { Remembered } from "../records/bound-log";

/** The name of the resource that says what was verified last. */
export const verifiedName = "verified";

const Line = z.object({ token: z.int(), digest: z.templateLiteral(["sha256:", z.string()]) });
const Input = z.object({ entry: z.string(), line: Line.optional() });

/** How often the state is asked for, and how long is waited after the first time, in milliseconds; each time twice as long. */
const patience = { attempts: 7, pause: 50 };

/**
 * What the state of this stack remembers of its deployment log, as the engine has it before this update; undefined before
 * the first verified deployment.
 * @throws Error when the engine cannot read the state
 */
export async function readRemembered(ask = askForState): Promise<Remembered | undefined> {
  const { outputs = {} } = await patiently(ask);
  const found = Object.entries(outputs).find(([urn]) => urn.endsWith(`::pulumi:index:Stash::${verifiedName}`));
  return Input.safeParse(found?.[1].outputs?.input).data;
}

/** What the engine answers: the outputs of every resource, by URN. */
interface State {
  readonly outputs?: Readonly<Record<string, { readonly outputs?: { readonly input?: unknown } }>>;
}

async function askForState(): Promise<State> {
  const stackName = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  return (await pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", { stackName })) as State;
}

/** A state in files cannot be read at the very moment in which this update writes to it: then it is asked for again. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1, { pause } = patience; ; attempt += 1, pause *= 2) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === patience.attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
