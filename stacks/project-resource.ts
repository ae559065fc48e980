import * as pulumi from "@pulumi/pulumi";

/** The files of the project that carry a resource out, each with an export `provider`. */
type ProviderFile = `${string}.provider`;

/** The property in which a dynamic resource carries the code of its provider. */
const codeProperty = "__provider";

/**
 * A dynamic resource whose provider is a file of the project. The engine keeps the code of a dynamic provider in the state
 * and runs that copy when it refreshes, so all that it is given is where the real code lies. The SDK would make the same
 * text out of a function, and loads the TypeScript compiler to read it, with every start of the program.
 */
export abstract class ProjectResource extends pulumi.CustomResource {
  /** @param type its name in the engine: `rewind:ConfigRows` without the module */
  constructor(file: ProviderFile, type: string, name: string, args: object, opts?: pulumi.CustomResourceOptions) {
    super(`pulumi-nodejs:dynamic/rewind:${type}`, name, { ...args, [codeProperty]: codeOf(file) }, opts);
  }
}

/**
 * What the state keeps. It must never need a change: even how TypeScript is loaded stands in a file of the project. It runs
 * in the project's folder, without a module around it.
 */
function codeOf(file: ProviderFile): string {
  return `exports.handler = () => {
  const load = process.getBuiltinModule("node:module").createRequire(process.cwd() + "/index.ts");
  load("./stacks/typescript.js");
  return load("./stacks/${file}").provider;
};
`;
}
