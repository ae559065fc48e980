import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import type { Remembered } from "../records/bound-log";

/** The name of the resource that says what was verified last. */
export const verifiedName = "verified";

const Line = z.object({ token: z.int(), digest: z.templateLiteral(["sha256:", z.string()]) });
const Input = z.object({ entry: z.string(), line: Line.optional() });

/**
 * What the state of this stack remembers of its deployment log, as the engine has it before this update; undefined before
 * the first verified deployment.
 * @throws Error when the engine cannot read the state
 */
export async function readRemembered(): Promise<Remembered | undefined> {
  const stackName = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  const answer = (await pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", { stackName })) as {
    readonly outputs?: Readonly<Record<string, { readonly outputs?: { readonly input?: unknown } }>>;
  };
  const found = Object.entries(answer.outputs ?? {}).find(([urn]) =>
    urn.endsWith(`::pulumi:index:Stash::${verifiedName}`),
  );
  return Input.safeParse(found?.[1].outputs?.input).data;
}
