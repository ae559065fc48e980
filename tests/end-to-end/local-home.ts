import * as fs from "node:fs";
import * as path from "node:path";
import type { Available, LocalEnvironment, Options } from "../../local/environment";
import { type ProcessIdentity } from "../../local/identity";
import { partNames } from "../../local/source";
import { readJson } from "../../local/state";

export const checkout = path.resolve(__dirname, "../..");

/** The environment in a state folder of its own, so that the one in the checkout is left alone. */
export function optionsIn(home: string, more: Partial<Options> = {}): Options {
  return { checkout, env: { ...process.env, REWIND_HOME: home, DOCKER_HOST: undefined }, ...more };
}

/** The whole environment. What needs a part that this machine cannot have is skipped by name, or fails under CI. */
export function wholeOrSkip({ environment, missing }: Available, test: Mocha.Context): LocalEnvironment {
  if (missing[0] === undefined) return environment as LocalEnvironment;
  if (process.env.REWIND_SKIP_NOTHING === "1") throw missing[0];
  const skipped = test.test ?? test.currentTest;
  if (skipped !== undefined) skipped.title += ` (skipped: ${missing[0].message})`;
  return test.skip();
}

/** The ids of the servers that were started in a state folder. */
export function serversOf(home: string): ProcessIdentity[] {
  return partNames
    .map((name) => readJson(path.join(home, name, "process.json")) as ProcessIdentity | undefined)
    .filter((identity) => identity !== undefined);
}

/** Every process that names the state folder on its command line: servers, their helpers, what they left. */
export function processesNaming(home: string): string[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .map((pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        return "";
      }
    })
    .filter((line) => line.includes(home));
}

/** A small program with everything that Rewind builds on: a hook, a stash and a dynamic provider. */
export function writeProgram(cwd: string): void {
  fs.mkdirSync(cwd);
  fs.symlinkSync(path.join(checkout, "node_modules"), path.join(cwd, "node_modules"));
  const runtime = { name: "nodejs", options: { typescript: false, nodeargs: "--require=sucrase/register/ts" } };
  fs.writeFileSync(path.join(cwd, "Pulumi.yaml"), JSON.stringify({ name: "try", main: "index.ts", runtime }));
  fs.writeFileSync(path.join(cwd, "package.json"), "{}");
  fs.writeFileSync(
    path.join(cwd, "index.ts"),
    `import * as pulumi from "@pulumi/pulumi";
     const value: string = new pulumi.Config().get("value") ?? "one";
     const hook = new pulumi.ResourceHook("h", (args) => {
       console.log("hook for " + args.name);
       if (value === "refused") throw new Error("the hook refuses");
     }, { onDryRun: true });
     const provider: pulumi.dynamic.ResourceProvider = {
       create: async (inputs) => ({ id: "made", outs: inputs }),
       update: async (_id, _olds, inputs) => ({ outs: inputs }),
     };
     class Made extends pulumi.dynamic.Resource {
       constructor(name: string) { super(provider, name, { value }); }
     }
     new pulumi.Stash("s", { input: value }, {
       dependsOn: new Made("d"),
       hooks: { beforeCreate: [hook], beforeUpdate: [hook] },
     });`,
  );
}
