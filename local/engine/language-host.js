#!/usr/bin/env node
"use strict";
/*
 * Pulumi's language host for Node programs, for a network that the vendor's own cannot be fetched from. It is
 * installed beside a `pulumi` that was built here, under the name `pulumi-language-nodejs`. The engine starts it
 * in the program's folder and speaks gRPC to it; it starts the vendor's own `@pulumi/pulumi/cmd/run` and no more,
 * so what a program sees (arguments, environment, exit codes) is what the vendor's host shows it.
 * Plain CommonJS, because it runs from a cache folder, without this checkout's packages or its TypeScript loader.
 */
const fs = require("node:fs");
const path = require("node:path");
const { spawn } = require("node:child_process");
const { createRequire } = require("node:module");

/** The process said what was wrong in its own words (`cmd/run` exits so); the engine need not add to it. */
const alreadyToldTheUser = 32;

const engine = process.argv.at(-1);
const flag = (name) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined);
const children = new Set();

/** Packages come from the program: the SDK that it runs on brings the protocol that it speaks. */
const packagesOf = (folder) => createRequire(path.join(folder, "package.json"));
const fromProgram = packagesOf(process.cwd());
let grpc, messages, plugin, empty, service;
try {
  const fromSdk = createRequire(fromProgram.resolve("@pulumi/pulumi/package.json"));
  grpc = fromSdk("@grpc/grpc-js");
  empty = fromSdk("google-protobuf/google/protobuf/empty_pb.js");
  messages = fromSdk("./proto/language_pb.js");
  plugin = fromSdk("./proto/plugin_pb.js");
  service = fromSdk("./proto/language_grpc_pb.js").LanguageRuntimeService;
} catch (error) {
  if (error.code !== "MODULE_NOT_FOUND") throw error;
  console.error(`${process.cwd()} has no @pulumi/pulumi: run npm ci there first`);
  process.exit(1);
}

/** Splits `nodeargs` as a shell would: blanks part words, quotes and backslashes keep them together. */
function words(line) {
  const parts = line.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gs) ?? [];
  const plain = (_, single, double, escaped) => single ?? double?.replace(/\\(["\\])/g, "$1") ?? escaped;
  return parts.map((part) => part.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs, plain));
}

/** The command line and environment of `cmd/run` for one program; `options` are those of Pulumi.yaml's runtime. */
function commandOf(request, options) {
  const args = [...words(options.nodeargs ?? ""), packagesOf(request.getPwd()).resolve("@pulumi/pulumi/cmd/run")];
  const values = {
    monitor: request.getMonitorAddress(),
    engine,
    organization: request.getOrganization(),
    project: request.getProject(),
    "root-directory": request.getInfo()?.getRootDirectory(),
    stack: request.getStack(),
    pwd: request.getPwd(),
    "query-mode": String(request.getQuerymode()),
    parallel: String(request.getParallel()),
    tracing: flag("--tracing"),
  };
  for (const [name, value] of Object.entries(values)) if (value) args.push(`--${name}`, value);
  if (request.getDryrun()) args.push("--dry-run");
  args.push(request.getProgram() || ".", ...request.getArgsList());
  const env = {
    ...process.env,
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries())),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    PULUMI_NODEJS_TYPESCRIPT: String(options.typescript ?? true),
  };
  if (options.tsconfig) env.PULUMI_NODEJS_TSCONFIG_PATH = options.tsconfig;
  return { args, env };
}

/** Starts a process whose output goes where `stdio` says; ends with its code, or with why it could not start. */
function start(command, args, settings) {
  const child = spawn(command, args, settings);
  children.add(child);
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve({ problem: error.message }));
    child.once("close", (code, signal) => resolve({ code, problem: signal ? `ended by ${signal}` : undefined }));
  }).finally(() => children.delete(child));
  return { child, ended };
}

async function run(request) {
  const response = new messages.RunResponse();
  const { args, env } = commandOf(request, request.getInfo()?.getOptions()?.toJavaScript() ?? {});
  // The program's output is the host's own: the engine shows the host's lines as the program's.
  const { ended } = start(process.execPath, args, { env, cwd: request.getPwd(), stdio: ["ignore", 1, 2] });
  const { code, problem } = await ended;
  if (code === alreadyToldTheUser) response.setBail(true);
  else if (problem) response.setError(`Problem executing program (could not run language executor): ${problem}`);
  else if (code !== 0) response.setError(`Program exited with non-zero exit code: ${code}`);
  return response;
}

/** `pulumi install`: the lock file decides, as in `npm run check`. */
async function installDependencies(call) {
  const folder = call.request.getDirectory();
  const verb = fs.existsSync(path.join(folder, "package-lock.json")) ? "ci" : "install";
  const { child, ended } = start("npm", [verb], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const write = (set) => (chunk) => call.write(new messages.InstallDependenciesResponse()[set](chunk));
  child.stdout.on("data", write("setStdout"));
  child.stderr.on("data", write("setStderr"));
  const { code, problem } = await ended;
  if (code === 0) return call.end();
  call.destroy(
    Object.assign(new Error(`npm ${verb} failed in ${folder}: ${problem ?? `exit code ${code}`}`), { code: 2 }),
  );
}

/** The packages that the program's package.json names, each with the version that is installed. */
function programDependencies(request) {
  const folder = request.getInfo()?.getProgramDirectory() || request.getPwd();
  const read = (file) => JSON.parse(fs.readFileSync(path.join(folder, file), "utf8"));
  const { dependencies, devDependencies } = read("package.json");
  const installed = Object.keys({ ...dependencies, ...devDependencies })
    .filter((name) => fs.existsSync(path.join(folder, "node_modules", name, "package.json")))
    .map((name) => {
      const { version } = read(path.join("node_modules", name, "package.json"));
      return new messages.DependencyInfo().setName(name).setVersion(version);
    });
  return new messages.GetProgramDependenciesResponse().setDependenciesList(installed);
}

function stopChildren() {
  for (const child of children) child.kill("SIGTERM");
}
function leave() {
  stopChildren();
  process.exit(0);
}

/** A call whose answer is what `answer` returns or rejects with. */
const unary = (answer) => (call, reply) =>
  Promise.resolve()
    .then(() => answer(call.request))
    .then((response) => reply(null, response))
    .catch((error) => reply({ code: grpc.status.UNKNOWN, details: error.message }));

const server = new grpc.Server({
  "grpc.max_receive_message_length": 400 * 1024 * 1024,
  "grpc.max_send_message_length": 400 * 1024 * 1024,
});
server.addService(service, {
  handshake: unary(() => new messages.LanguageHandshakeResponse()),
  getPluginInfo: unary(() => new plugin.PluginInfo().setVersion(fromProgram("@pulumi/pulumi/package.json").version)),
  // The environment lays the plugins out before the engine starts, so there is nothing to look for here.
  getRequiredPlugins: unary(() => new messages.GetRequiredPluginsResponse()),
  getRequiredPackages: unary(() => new messages.GetRequiredPackagesResponse()),
  run: unary(run),
  installDependencies: (call) => void installDependencies(call),
  runtimeOptionsPrompts: unary(() => new messages.RuntimeOptionsResponse()),
  about: unary(() => new messages.AboutResponse().setExecutable(process.execPath).setVersion(process.version)),
  getProgramDependencies: unary(programDependencies),
  cancel: unary(() => {
    stopChildren();
    return new empty.Empty();
  }),
});

process.once("SIGINT", leave);
process.once("SIGTERM", leave);
// The engine holds the other end; when it is killed, nothing else would tell the host.
process.stdin.once("end", leave).once("error", leave).resume();

server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
