import { awsPlugin } from "./aws/plugin";
import { dockerPlugin } from "./docker/plugin";
import type { Plugin } from "./plugin";
import { postgresqlPlugin } from "./postgresql/plugin";
import { serve } from "./server";

/** The plugins by the vendor's name; each loads its vendor's client only with the first call that needs it. */
const plugins: Readonly<Record<string, () => Plugin>> = {
  aws: () => awsPlugin(),
  docker: () => dockerPlugin(),
  postgresql: () => postgresqlPlugin(),
};

async function main(name: string): Promise<void> {
  const make = Object.hasOwn(plugins, name) ? plugins[name] : undefined;
  if (make === undefined) {
    throw new Error(`local plugin: expected one of ${Object.keys(plugins).join(", ")}, got "${name}"`);
  }
  // What a client prints to standard error the engine shows in the update, and this is nothing a user can act on.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
  const { port } = await serve(make());
  // The engine reads the port from the first line.
  process.stdout.write(`${port}\n`);
}

main(process.argv[2] ?? "").catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
