import type { Engine } from "./engine";
import { isHealthy } from "./healthcheck";
import { createLog, describe } from "./log";
import { BadEnvironment, readPort, readSettings, type Role, roles, type Settings } from "./settings";

/** One version of this service: its name and its scoring rules, joined when it is built. */
export interface Release {
  version: string;
  engine: Engine;
}

/**
 * The program: `main.js ROLE` serves until SIGTERM, `main.js healthcheck` asks the one that serves. Everything heavy is
 * loaded after this decision, because the health check runs every few seconds.
 */
export async function run(release: Release): Promise<void> {
  const [, , argument = ""] = process.argv;
  if (argument === "healthcheck") {
    process.exitCode = (await isHealthy(readPort(process.env))) ? 0 : 1;
    return;
  }
  const role = roles.find((known) => known === argument);
  if (role === undefined) {
    process.stderr.write(`usage: main.js ${[...roles, "healthcheck"].join("|")}\n`);
    process.exitCode = 2;
    return;
  }
  const settings = settingsOf(role, release);
  if (settings === undefined) return;
  const identity = { version: release.version, role, release: settings.release };
  const log = createLog(identity, settings.secrets);
  const end = (event: string) => (thrown: unknown) => {
    log("error", event, describe(thrown));
    process.exit(1);
  };
  process.on("uncaughtException", end("uncaught"));
  process.on("unhandledRejection", end("unhandled"));
  const { serve } = await import("./serve.js");
  await serve({ role, identity, engine: release.engine, settings, log });
}

function settingsOf(role: Role, { version, engine }: Release): Settings | undefined {
  try {
    return readSettings(role, process.env, engine.parameters);
  } catch (thrown) {
    if (!(thrown instanceof BadEnvironment)) throw thrown;
    createLog({ version, role }, [])("error", "bad_environment", { problems: thrown.problems });
    process.exitCode = 2;
    return undefined;
  }
}
