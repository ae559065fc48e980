import type * as pulumi from "@pulumi/pulumi";
import type { Access } from "../checks/administrator";
import { ProjectResource } from "./project-resource";

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

type Args = { [K in keyof FunctionSecurityInputs]: pulumi.Input<FunctionSecurityInputs[K]> };

/** The rights and the search path of a function, set in one statement after its body. */
export class FunctionSecurity extends ProjectResource {
  constructor(name: string, args: Args, opts?: pulumi.CustomResourceOptions) {
    super("function-security.provider", "FunctionSecurity", name, args, {
      ...opts,
      additionalSecretOutputs: ["password"],
    });
  }
}
