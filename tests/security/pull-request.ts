import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { deploy } from "../cli/deployed";
import { installIn } from "../cli/process";
import { project } from "../release/stack-files";
import { Runner } from "./workflow-run";

export const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** A port on which somebody waits, and how often somebody came. */
export class Waiting {
  came = 0;
  private constructor(private readonly server: Server) {
    server.on("connection", (socket) => {
      this.came += 1;
      socket.on("error", () => undefined).destroy();
    });
  }
  static async start(): Promise<Waiting> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Waiting(server);
  }
  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
  stop(): void {
    this.server.close();
  }
}

const rows = '{"id":1,"max":5}\n';
const rowsDigest = `sha256:${createHash("sha256").update(rows).digest("hex")}`;

/** The stack file of the base: a registry, an engine of containers and a database, all at ports of this test. */
const stackFile = (registry: number, database: number): string => `config:
  rewind:release: v1
  rewind:toggles: {}
  rewind:releases:
    v1:
      services:
        api: { image: "app@${digest("a")}" }
      toggles: { FAST: false }
    v2:
      services:
        api: { image: "app@${digest("b")}" }
      config: { limits: { file: rows/limits.jsonl, digest: "${rowsDigest}", count: 1 } }
  rewind:environment:
    name: dev
    kind: staging
    registry: 127.0.0.1:${registry}
    docker: { host: "unix:///nowhere.sock" }
    toggles: [FAST]
    services:
      api:
        port: 8080
        memory: 128
        healthcheck: { command: [/bin/true], interval: 5s, timeout: 3s, startPeriod: 10s }
    database:
      host: 127.0.0.1
      port: ${database}
      administrator: { user: boss, password: database-administrator-password }
      name: app
      schema: app
      role: { user: app, password: database-role-password }
      tables:
        limits: { key: id, columns: { id: integer, max: integer } }
      migrations: { folder: migrations }
  rewind:verification: { timeout: 200ms, deadline: 400ms }
  rewind:secrets:
    database-administrator-password: { secure: v1:AAAA }
    database-role-password: { secure: v1:BBBB }
encryptionsalt: v1:salt
`;

/** An engine that hands over what the stack file of its folder says, as pulumi does, and shows all of it as its preview. */
const engine = `#!/usr/bin/env node
const { parse } = require("yaml");
const text = require("node:fs").readFileSync("Pulumi.dev.yaml", "utf8");
const asked = process.argv.slice(2).join(" ");
const secret = (value) => value?.secure === undefined ? value : "decrypted";
if (asked.startsWith("version")) console.log("v3.256.0");
else if (asked.startsWith("config")) {
  const all = Object.entries(parse(text).config).map(([key, value]) => {
    const read = key === "rewind:secrets" ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, secret(each)])) : value;
    return [key, { value: typeof read === "string" ? read : JSON.stringify(read), secret: false }];
  });
  console.log(JSON.stringify(Object.fromEntries(all)));
} else if (asked.startsWith("preview")) {
  const shown = (value) => typeof value === "string" ? [value] : Object.values(value ?? {}).flatMap(shown);
  console.log(text + shown(parse(text).config).join("\\n"));
} else if (asked.startsWith("plugin")) console.log("[]");
else console.log("{}");
`;

/** A repository with a base, and branches with pull requests. */
export class Repository {
  readonly folder = mkdtempSync(join(tmpdir(), "rewind-pr-"));
  private base = "";

  constructor(registry: number, database: number) {
    installIn(this.folder);
    rmSync(join(this.folder, "node_modules"));
    writeFileSync(join(this.folder, ".gitignore"), "node_modules\n.rewind/\n");
    this.write("Pulumi.dev.yaml", stackFile(registry, database));
    this.write("rows/limits.jsonl", rows);
    this.write("migrations/0001_first.sql", "-- Up Migration\nselect 1;\n-- Down Migration\nselect 1;\n");
    this.git("init", "--quiet", "--initial-branch=main");
    // Two releases passed here, so there is one to go back to.
    const file = join(this.folder, "Pulumi.dev.yaml");
    const copy = { folder: this.folder, file, where: { folder: this.folder, stack: "dev" } };
    for (const release of ["v2", "v1"]) deploy({ ...copy, text: () => readFileSync(file, "utf8") }, release);
    this.base = this.commit("base");
  }

  git(...args: string[]): string {
    const identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
    return execFileSync("git", ["-C", this.folder, ...identity, ...args], { encoding: "utf8" }).trim();
  }

  private commit(message: string): string {
    this.git("add", "--all", "--force", ".");
    this.git("commit", "--quiet", "--allow-empty", "--message", message);
    return this.git("rev-parse", "HEAD");
  }

  write(path: string, text: string | Buffer): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  /** Changes a text of the stack file; what is not there to be changed is an error of the test. */
  edit(before: string | RegExp, after: string, path = "Pulumi.dev.yaml"): void {
    const text = readFileSync(join(this.folder, path), "utf8");
    const edited = text.replace(before, () => after);
    if (edited === text) throw new Error(`nothing to change: ${String(before)}`);
    this.write(path, edited);
  }

  /** A pull request with a change, on a runner of its own. */
  pullRequest(change: (repository: this) => void, { fork = false, onto = "main" } = {}): Runner {
    this.git("checkout", "--quiet", "--detach", this.base);
    change(this);
    const head = this.commit("::error::hello from the branch");
    this.git("checkout", "--quiet", "--detach", this.base);
    const event = {
      repository: { default_branch: "main" },
      pull_request: {
        number: 7,
        base: { sha: this.base, ref: onto },
        head: { sha: head, repo: { full_name: fork ? "stranger/scoring" : "acme/scoring" } },
      },
    };
    const secrets = { PULUMI_BACKEND_URL: "file:///nowhere", PULUMI_CONFIG_PASSPHRASE: "passphrase-of-production" };
    return new Runner(
      { folder: this.folder, base: this.base, head },
      { event, vars: { REWIND_STACK: "dev" }, secrets },
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Puts packages into a checkout in the place of `npm ci`, with the engine of this test among their programs. */
export function install(folder: string): void {
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, ".bin"), { recursive: true });
  for (const each of readdirSync(join(project, "node_modules"))) {
    if (!each.startsWith(".")) symlinkSync(join(project, "node_modules", each), join(modules, each));
  }
  writeFileSync(join(modules, ".bin", "pulumi"), engine);
  chmodSync(join(modules, ".bin", "pulumi"), 0o755);
}
