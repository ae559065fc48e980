/**
 * Loads the real code of a dynamic provider from the project. The engine copies a dynamic provider's own code into the
 * state and runs the copy when it refreshes, so what it copies is only this shim, which must never need a change: even
 * how TypeScript is loaded stands in a file of the project. It asks for `require` at run time because the copy has no
 * module around it.
 */
export function loadProvider(name: string): unknown {
  const load = process.getBuiltinModule("node:module").createRequire(`${process.cwd()}/index.ts`);
  load("./stacks/typescript.js");
  return load(`./stacks/${name}`);
}
