import { GetAliasCommand, GetFunctionCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { sourceCodeHash } from "../release/bundles";
import type { Digest } from "../release/primitives";
import { liveAlias } from "../release/runtime";
import type { Measurement } from "./probe";

/** What a function on Lambda must be made of. */
export type ExpectedCode = { readonly image: string } | { readonly bundle: Digest };

/**
 * Whether the version that callers reach, the one behind the alias `live`, is made of the pinned image or bundle. The
 * alias must lead to that one version only, and to a published one, for `$LATEST` changes under its callers.
 */
export async function measureLambda(
  client: LambdaClient,
  name: string,
  expected: ExpectedCode,
  abortSignal: AbortSignal,
): Promise<Measurement> {
  const failed = (evidence: string): Measurement => ({ result: "failed", evidence: `${name} ${evidence}` });
  try {
    const asked = new GetAliasCommand({ FunctionName: name, Name: liveAlias });
    const { FunctionVersion: version, RoutingConfig } = await client.send(asked, { abortSignal });
    const others = Object.keys(RoutingConfig?.AdditionalVersionWeights ?? {});
    if (others.length > 0) return failed(`sends a part of its calls to version ${others.join(", ")}`);
    if (version === undefined || version === "$LATEST") return failed(`has ${liveAlias} on no published version`);
    const function_ = new GetFunctionCommand({ FunctionName: name, Qualifier: version });
    const { Configuration, Code } = await client.send(function_, { abortSignal });
    const state = Configuration?.State ?? "Active";
    // A function that nobody called for weeks sleeps, and wakes up with the next call.
    if (state !== "Active" && state !== "Inactive") return failed(`version ${version} is ${state}`);
    if ("bundle" in expected) {
      const hash = Configuration?.CodeSha256 ?? "nothing";
      return hash === sourceCodeHash(expected.bundle)
        ? { result: "passed", evidence: `${name} runs version ${version}, bundle ${expected.bundle}` }
        : failed(`version ${version} has code with the hash ${hash}, pinned is ${sourceCodeHash(expected.bundle)}`);
    }
    const image = Code?.ImageUri ?? "nothing";
    return image === expected.image
      ? { result: "passed", evidence: `${name} runs version ${version}, ${image}` }
      : failed(`version ${version} runs ${image}, pinned is ${expected.image}`);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "ResourceNotFoundException") throw error;
    return failed(`is not there: ${error.message}`);
  }
}
