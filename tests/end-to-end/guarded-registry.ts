import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { thisMachine } from "../../local/machine";
import { freePort } from "../free-port";

/** A registry that gives nothing to anybody who does not say who they are. */
export interface GuardedRegistry {
  /** Host and port. */
  readonly address: string;
  readonly user: string;
  readonly password: string;
  readonly stop: () => Promise<void>;
}

const user = "rewind-test";
const password = "pull-only-with-this";
/** That password as bcrypt writes it, the one form that the registry takes. */
const hash = "$2b$05$abcdefghijklmnopqrstuuIfx4c4sL2Be5t4TuAfaVQA0UYjJipZy";

/** Starts one on a free port of loopback, on a folder of its own; skipped by name where there is no such program. */
export async function startGuardedRegistry(test: Mocha.Context): Promise<GuardedRegistry> {
  const program = thisMachine(() => undefined).find("docker-registry");
  if (program === undefined) {
    const reason = "docker-registry is not on the PATH; install it, such as: apt-get install docker-registry";
    if (process.env.REWIND_SKIP_NOTHING === "1") throw new Error(reason);
    const skipped = test.test ?? test.currentTest;
    if (skipped !== undefined) skipped.title += ` (skipped: ${reason})`;
    return test.skip();
  }
  const folder = mkdtempSync(join(tmpdir(), "rewind-registry-"));
  const address = `127.0.0.1:${await freePort()}`;
  const [people, settings] = [join(folder, "htpasswd"), join(folder, "registry.yml")];
  writeFileSync(people, `${user}:${hash}\n`);
  writeFileSync(
    settings,
    JSON.stringify({
      version: "0.1",
      log: { level: "warn", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(folder, "data") } },
      http: { addr: address },
      auth: { htpasswd: { realm: "rewind", path: people } },
    }),
  );
  const server = spawn(program, ["serve", settings], { stdio: "ignore" });
  const end = (): void => {
    server.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", end);
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetch(`http://${address}/v2/`).catch(() => undefined);
    if (answer?.status === 401) break;
    if (attempt === 100) {
      end();
      throw new Error(`the registry at ${address} does not ask who is there`);
    }
    await sleep(100);
  }
  return {
    address,
    user,
    password,
    stop: async () => {
      process.off("exit", end);
      const ended = once(server, "exit");
      end();
      await ended;
    },
  };
}
