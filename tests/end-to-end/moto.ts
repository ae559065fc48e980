import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { cacheFolder, fromCache } from "../../local/cache";
import { thisMachine } from "../../local/machine";
import { freePort } from "../free-port";

/** A server that speaks AWS's protocols over HTTP and keeps what it is told in memory. It lets every key in. */
export interface Moto {
  /** Such as `http://127.0.0.1:41234`; every service is asked there. */
  readonly endpoint: string;
  /** Any keys will do. */
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string };
  stop(): Promise<void>;
}

const version = "5.2.5";
/** The server itself and the services that tests ask: some twenty packages, 140 MB, half a minute. */
const packages = [
  `moto[s3,iam,ec2,ecs,awslambda,cloudfront]==${version}`,
  "flask==3.1.3",
  "flask-cors==6.0.5",
] as const;
const run = promisify(execFile);

/**
 * Starts moto's server on a free port of loopback. The test is skipped by name where Python or the package cannot be
 * had, and fails under CI.
 *
 * @param settings moto's own, such as MOTO_ECS_SERVICE_RUNNING
 */
export async function startMoto(
  test: Mocha.Context,
  settings: Readonly<Record<`MOTO_${string}`, string>> = {},
): Promise<Moto> {
  const python = await installed().catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    if (process.env.REWIND_SKIP_NOTHING === "1") throw new Error(`moto cannot be had: ${reason}`, { cause: error });
    const skipped = test.test ?? test.currentTest;
    if (skipped !== undefined) skipped.title += ` (skipped: moto cannot be had: ${reason.split("\n", 1)[0] ?? ""})`;
    return test.skip();
  });
  const port = await freePort();
  const server = spawn(python, ["-m", "moto.server", "--host", "127.0.0.1", "--port", String(port)], {
    stdio: ["ignore", "ignore", "pipe"],
    // It answers for AWS; nobody's real keys are any of its business.
    env: { ...settings, PATH: process.env.PATH, AWS_EC2_METADATA_DISABLED: "true", PYTHONUNBUFFERED: "1" },
  });
  let said = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2_000);
  });
  const end = (): void => {
    server.kill("SIGKILL");
  };
  process.once("exit", end);
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await untilAnswering(endpoint, server, () => said);
  } catch (error) {
    end();
    throw error;
  }
  return {
    endpoint,
    keys: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "not-a-secret" },
    stop: async () => {
      process.off("exit", end);
      if (server.exitCode !== null || server.signalCode !== null) return;
      const ended = once(server, "exit");
      end();
      await ended;
    },
  };
}

/** The Python of an environment of its own that has moto, made once per machine. */
async function installed(): Promise<string> {
  const python = thisMachine(() => undefined).find("python3");
  if (python === undefined)
    throw new Error("python3 is not on the PATH; install it, such as: apt-get install python3-venv");
  const folder = await fromCache(cacheFolder(process.env), `moto-${version}`, async (into) => {
    await run(python, ["-m", "venv", into]);
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", ...packages];
    await run(join(into, "bin", "python"), install, { timeout: 300_000 });
  });
  return join(folder, "bin", "python");
}

async function untilAnswering(endpoint: string, server: ChildProcess, said: () => string): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`moto's server ended with ${server.exitCode}: ${said()}`);
    const answer = await fetch(`${endpoint}/moto-api/`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
    if (performance.now() > deadline) throw new Error(`moto's server does not answer: ${said()}`);
    await sleep(100);
  }
}
