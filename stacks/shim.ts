/**
 * Loads the real code of a dynamic provider from the project. The engine copies a dynamic provider's own code into the
 * state and runs the copy when it refreshes, so what it copies is only this shim, which never changes. It goes through
 * tsx because the process that runs it knows no TypeScript, and asks for `require` at run time because the copy has
 * no module around it.
 */
export function loadProvider(name: string): unknown {
  const load = process.getBuiltinModule("node:module").createRequire(`${process.cwd()}/index.ts`);
  (load("tsx/cjs/api") as { register(): void }).register();
  return load(`./stacks/${name}`);
}
