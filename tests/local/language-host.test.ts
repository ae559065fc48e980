import * as grpc from "@grpc/grpc-js";
import { LanguageRuntimeClient } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/language_pb";
import { type PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type Readable, type Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { startOf } from "../../local/identity";

const packages = path.resolve(__dirname, "../../node_modules");
const sdk = path.join(packages, "@pulumi/pulumi");
/** Stands where the SDK's own runner stands: says what it was given, then ends as the program's name tells it to. */
const runner = `
  const { argv, env, execArgv } = process;
  const wanted = ["PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS", "PULUMI_NODEJS_TYPESCRIPT", "PULUMI_NODEJS_TSCONFIG_PATH"];
  console.log(JSON.stringify({ pid: process.pid, args: argv.slice(2), execArgv, env: wanted.map((name) => env[name]) }));
  const last = argv.at(-1);
  if (last === "hang") setInterval(() => {}, 1e6);
  else process.exitCode = Number(last);
`;
interface Told {
  readonly pid: number;
  readonly args: string[];
  readonly execArgv: string[];
  readonly env: (string | null)[];
}

describe("the language host", () => {
  let folder: string;
  let host: ChildProcessByStdio<Writable, Readable, Readable>;
  let client: LanguageRuntimeClient;
  let output: string;

  beforeEach(async () => {
    folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "rewind-host-")));
    const fake = path.join(folder, "node_modules", "@pulumi", "pulumi");
    fs.mkdirSync(path.join(fake, "cmd", "run"), { recursive: true });
    fs.copyFileSync(path.join(sdk, "package.json"), path.join(fake, "package.json"));
    fs.writeFileSync(path.join(fake, "cmd", "run", "index.js"), runner);
    fs.symlinkSync(path.join(sdk, "proto"), path.join(fake, "proto"));
    for (const name of ["@grpc", "google-protobuf"]) {
      fs.symlinkSync(path.join(packages, name), path.join(folder, "node_modules", name));
    }
    fs.writeFileSync(path.join(folder, "package.json"), '{"dependencies":{"@pulumi/pulumi":"*","not-installed":"1"}}');
    const script = path.resolve(__dirname, "../../local/engine/language-host.js");
    host = spawn(process.execPath, [script, "127.0.0.1:1"], { cwd: folder, stdio: "pipe" });
    output = "";
    host.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    while (!output.includes("\n")) await sleep(5);
    client = new LanguageRuntimeClient(`127.0.0.1:${output.trim()}`, grpc.credentials.createInsecure());
    output = "";
  });
  afterEach(() => {
    client.close();
    host.kill("SIGKILL");
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const request = (program: string, options: Record<string, string | boolean> = {}): messages.RunRequest => {
    const info = new messages.ProgramInfo().setRootDirectory(folder).setProgramDirectory(folder);
    info.setOptions(Struct.fromJavaScript(options));
    const asked = new messages.RunRequest().setProject("p").setStack("s").setPwd(folder).setProgram(program);
    asked.setMonitorAddress("127.0.0.1:2").setOrganization("o").setParallel(7).setInfo(info);
    asked.getConfigMap().set("p:key", "hidden").set("p:pin", "v1");
    return asked.setConfigsecretkeysList(["p:key"]);
  };
  const run = async (asked: messages.RunRequest): Promise<messages.RunResponse.AsObject> =>
    await new Promise((resolve, reject) => {
      client.run(asked, (error, response) => {
        if (error === null) resolve(response.toObject());
        else reject(error);
      });
    });
  const told = (): Told => JSON.parse(output) as Told;

  it("starts the SDK's runner with the arguments and the environment that the vendor's host gives it", async () => {
    const options = {
      typescript: false,
      nodeargs: `--require=sucrase/register/ts --title="a b" --stack-trace-limit='5'`,
    };
    const asked = request("0", {
      ...options,
      nodeargs: options.nodeargs.replace("--require=sucrase/register/ts ", ""),
    });
    asked.setDryrun(true);
    assert.deepEqual(await run(asked), { error: "", bail: false });
    const { args, execArgv, env } = told();
    const given = "--monitor 127.0.0.1:2 --engine 127.0.0.1:1 --organization o --project p --root-directory";
    const expected = [...given.split(" "), folder, "--stack", "s", "--pwd", folder, "--query-mode", "false"];
    assert.deepEqual(args, [...expected, "--parallel", "7", "--dry-run", "0"]);
    assert.deepEqual(execArgv, ["--title=a b", "--stack-trace-limit=5"]);
    assert.deepEqual(env, ['{"p:key":"hidden","p:pin":"v1"}', '["p:key"]', "false", null]);
  });

  it("runs TypeScript unless the project says otherwise, with the project's own settings", async () => {
    await run(request("0", { tsconfig: "tsconfig.pulumi.json" }));
    assert.deepEqual(told().env.slice(2), ["true", "tsconfig.pulumi.json"]);
  });

  it("tells the engine of a failure, unless the program has told the user itself", async () => {
    assert.deepEqual(await run(request("3")), { error: "Program exited with non-zero exit code: 3", bail: false });
    assert.deepEqual(await run(request("32")), { error: "", bail: true });
  });

  it("answers the engine's other questions", async () => {
    const { version } = JSON.parse(fs.readFileSync(path.join(sdk, "package.json"), "utf8")) as { version: string };
    type Reply<T> = (error: Error | null, response: T) => void;
    const ask = async <T>(call: (reply: Reply<T>) => unknown): Promise<T> =>
      await new Promise((resolve, reject) => {
        call((error, response) => {
          if (error === null) resolve(response);
          else reject(error);
        });
      });
    assert.equal(
      (await ask((reply: Reply<PluginInfo>) => client.getPluginInfo(new Empty(), reply))).getVersion(),
      version,
    );
    assert.equal(
      (
        await ask((reply: Reply<messages.AboutResponse>) => client.about(new messages.AboutRequest(), reply))
      ).getVersion(),
      process.version,
    );
    const asked = new messages.GetProgramDependenciesRequest().setPwd(folder);
    const found = (
      await ask((reply: Reply<messages.GetProgramDependenciesResponse>) => client.getProgramDependencies(asked, reply))
    ).toObject().dependenciesList;
    assert.deepEqual(found, [{ name: "@pulumi/pulumi", version }]);
    const unknown = ask((reply: Reply<messages.LinkResponse>) => client.link(new messages.LinkRequest(), reply));
    await assert.rejects(unknown, { code: grpc.status.UNIMPLEMENTED });
  });

  for (const [how, end] of [
    ["is told to stop", () => host.kill("SIGINT")],
    ["is left alone by its engine", () => host.stdin.end()],
  ] as const) {
    it(`takes the program with it when it ${how}`, async () => {
      const running = run(request("hang")).catch(() => undefined);
      while (!output.includes("\n")) await sleep(5);
      const { pid } = told();
      end();
      await running;
      while (startOf(pid) !== undefined) await sleep(5);
    });
  }
});
