import * as pulumi from "@pulumi/pulumi";
import type { Access } from "../checks/administrator";
import type * as implementation from "./function-security.provider";
import { loadProvider } from "./shim";

/** Whose rights a function runs with, and where it looks names up. */
export interface FunctionSecurityInputs extends Access {
  readonly schema: string;
  readonly name: string;
  /** The types of its arguments: what tells it from others of its name. */
  readonly types: readonly string[];
  readonly securityDefiner: boolean;
  readonly searchPath: readonly string[];
  /** The digest of the function: whoever puts its body anew takes these settings off. */
  readonly digest: string;
}

const load = () => loadProvider("function-security.provider") as typeof implementation;

const provider: pulumi.dynamic.ResourceProvider<FunctionSecurityInputs, FunctionSecurityInputs> = {
  create: (inputs) => load().create(inputs),
  update: (_id, _olds, news) => load().update(news),
  // The function itself goes with its own resource.
  delete: () => Promise.resolve(),
};

type Args = { [K in keyof FunctionSecurityInputs]: pulumi.Input<FunctionSecurityInputs[K]> };

/** The rights and the search path of a function, set in one statement after its body. */
export class FunctionSecurity extends pulumi.dynamic.Resource {
  constructor(name: string, args: Args, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, args, { ...opts, additionalSecretOutputs: ["password"] }, "rewind", "FunctionSecurity");
  }
}
