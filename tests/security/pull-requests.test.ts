import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import fc from "fast-check";
import { readStack } from "../../cli/stack-file";
import { pinnedImages } from "../../release/images";
import { digest, install, Repository, Waiting } from "./pull-request";
import { commandsOf, type Runner } from "./workflow-run";

const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

describe("a pull request", function () {
  this.timeout(120_000);
  let registry: Waiting;
  let database: Waiting;
  let attacker: Waiting;
  let repository: Repository;
  const runners: Runner[] = [];
  before(async () => {
    [registry, database, attacker] = [await Waiting.start(), await Waiting.start(), await Waiting.start()];
    repository = new Repository(registry.port, database.port);
  });
  after(() => {
    for (const each of [registry, database, attacker]) each.stop();
    repository.remove();
  });
  afterEach(() => {
    for (const each of runners.splice(0)) each.remove();
    attacker.came = 0;
  });
  const opened = (change: (repository: Repository) => void, options = {}): Runner => {
    const runner = repository.pullRequest(change, options);
    runners.push(runner);
    return runner;
  };
  /** Both jobs, with packages put in place as `npm ci` would. */
  const run = async (runner: Runner) => {
    const asked = runner.job("ask", { Install: install });
    // Who came while the scripts ran is heard of now.
    await setTimeout(100);
    return { asked, comment: runner.job("comment"), posted: runner.posted(), commands: commandsOf(asked.log) };
  };
  const addRelease = (each: Repository, record = `{ services: { api: { image: "app@${digest("c")}" } } }`): void => {
    each.edit("  rewind:releases:\n", `  rewind:releases:\n    v3: ${record}\n`);
    each.edit("rewind:release: v1", "rewind:release: v3");
  };

  it("SEC-H5 · that brings a release is asked about with the base's code, hosts and secrets, and both are commented", async () => {
    const before = database.came;
    const { asked, posted } = await run(
      opened((each) => {
        addRelease(each);
        each.write(
          "cli/rewind.js",
          "require('node:fs').writeFileSync(process.env.HOME + '/ran', ''); process.exit(0)\n",
        );
        each.edit('"scripts": {', '"scripts": { "preinstall": "touch $HOME/ran",', "package.json");
      }),
    );
    assert.equal(asked.outputs.take, "0", asked.log);
    assert.match(asked.outputs["take-text"] ?? "", /Added: v3\nWritten: Pulumi\.dev\.yaml/);
    assert.match(asked.outputs["code-text"] ?? "", new RegExp(`127\\.0\\.0\\.1:${registry.port}`));
    assert.match(asked.outputs["preview-text"] ?? "", /"?rewind:release"?: "?v3/);
    assert.ok(database.came > before, "the base's database was asked");
    const [runner] = runners;
    assert.ok(!existsSync(join(runner?.folder ?? "", "ran")), "nothing of the branch ran");
    for (const title of ["rewind release take", "rewind can-rollback", "pulumi preview --diff"])
      assert.ok(posted.includes(`**${title}** exited`), posted);
    assert.ok(!posted.includes("passphrase-of-production"));
  });

  it("SEC-H5 · installs the base's packages: scripts of the branch do not run", () => {
    const lock = (script: string): Record<string, string> => ({
      "package.json": JSON.stringify({
        name: "base",
        version: "1.0.0",
        scripts: { preinstall: script },
        dependencies: { pulumi: "file:vendor/pulumi" },
      }),
      "package-lock.json": JSON.stringify({
        name: "base",
        version: "1.0.0",
        lockfileVersion: 3,
        packages: {
          "": {
            name: "base",
            version: "1.0.0",
            hasInstallScript: true,
            dependencies: { pulumi: "file:vendor/pulumi" },
          },
          "node_modules/pulumi": { resolved: "vendor/pulumi", link: true },
          "vendor/pulumi": { version: "1.0.0", bin: { pulumi: "cli.js" } },
        },
      }),
      "vendor/pulumi/package.json": '{ "name": "pulumi", "version": "1.0.0", "bin": { "pulumi": "cli.js" } }',
      "vendor/pulumi/cli.js": "#!/usr/bin/env node\n",
    });
    const small = new Repository(registry.port, database.port);
    try {
      const put = (script: string): void => {
        for (const [path, text] of Object.entries(lock(script))) small.write(path, text);
      };
      put("touch $HOME/base");
      small.git("add", "--all", "--force", ".");
      small.git("commit", "--quiet", "--amend", "--no-edit");
      const base = small.git("rev-parse", "HEAD");
      Object.assign(small, { base });
      const runner = small.pullRequest(() => {
        put("touch $HOME/branch");
      });
      runners.push(runner);
      const { log } = runner.job("ask", { "Ask whether the stack can be rolled back": () => undefined });
      const ran = ["base", "branch"].filter((name) => existsSync(join(runner.folder, name)));
      assert.deepEqual(ran, ["base"], log);
    } finally {
      small.remove();
    }
  });

  const refusals: readonly (readonly [what: string, change: (each: Repository) => void, says: RegExp])[] = [
    [
      "another database host",
      (each) => {
        each.edit(/port: \d+\n( +)administrator/, `port: ${attacker.port}\n      administrator`);
      },
      /Pulumi\.dev\.yaml:\d+ environment\.database\.port: \d+, and \d+ in the base/,
    ],
    [
      "another registry",
      (each) => {
        each.edit(/registry: 127.*/, `registry: 127.0.0.1:${attacker.port}`);
      },
      /environment\.registry: "127/,
    ],
    [
      "credentials for the registry, and where they are sent",
      (each) => {
        each.edit(
          "    toggles: [FAST]",
          "    registryCredentials: { user: a, password: database-role-password }\n    toggles: [FAST]",
        );
      },
      /environment\.registryCredentials: .*and nothing in the base/,
    ],
    [
      "another Docker host",
      (each) => {
        each.edit("unix:///nowhere.sock", `tcp://127.0.0.1:${attacker.port}`);
      },
      /environment\.docker\.host/,
    ],
    [
      "an SQL check that reads what it likes",
      (each) => {
        each.edit(
          "deadline: 400ms }",
          "deadline: 400ms, checks: { steal: { kind: sql, query: select * from customers, expect: { rows: [] } } } }",
        );
      },
      /verification\.checks/,
    ],
    [
      "one secret in the place of another",
      (each) => {
        each.edit("v1:AAAA", "v1:BBBB");
      },
      /secrets\.database-administrator-password: differs from the base/,
    ],
    [
      "another key for the secrets",
      (each) => {
        each.edit("encryptionsalt: v1:salt", "secretsprovider: awskms://alias/theirs");
      },
      /secretsprovider: differs from the base/,
    ],
    [
      "another place for the log",
      (each) => {
        each.edit("    toggles: [FAST]", "    records: elsewhere\n    toggles: [FAST]");
      },
      /environment\.records/,
    ],
    [
      "no approval, or a provider's configuration",
      (each) => {
        each.edit("encryptionsalt", "  docker:host: tcp://127.0.0.1:1\nencryptionsalt");
      },
      /docker:host: differs from the base/,
    ],
    [
      "imports from Pulumi ESC",
      (each) => {
        each.edit("encryptionsalt", "environment: [theirs]\nencryptionsalt");
      },
      /environment: differs from the base/,
    ],
    [
      "another program in the project's file",
      (each) => {
        each.edit("main: index.ts", "main: other.ts", "Pulumi.yaml");
      },
      /Pulumi\.yaml main: differs from the base/,
    ],
    [
      "the stack under another name",
      (each) => {
        each.git("mv", "Pulumi.dev.yaml", "Pulumi.other.yaml");
      },
      /no file Pulumi\.dev\.yaml: the stack is gone/,
    ],
    [
      "a stack file that is a link",
      (each) => {
        each.git("rm", "--quiet", "Pulumi.dev.yaml");
        symlinkSync("/etc/passwd", join(each.folder, "Pulumi.dev.yaml"));
      },
      /Pulumi\.dev\.yaml is a link/,
    ],
    [
      "a stack file with tags and with an alias inside its own anchor",
      (each) => {
        each.edit("rewind:toggles: {}", "rewind:toggles: &a { FAST: !!js/function x, B: *a }");
      },
      /inside its own anchor|the tag/,
    ],
    [
      "a stack file larger than any",
      (each) => {
        truncateSync(join(each.folder, "Pulumi.dev.yaml"), 9 * 1024 ** 2);
      },
      /Pulumi\.dev\.yaml has more than 8388608 bytes/,
    ],
    [
      "a release file that is a link out of the checkout",
      (each) => {
        addRelease(each, `{ file: releases/v3.yaml, digest: "${digest("e")}" }`);
        mkdirSync(join(each.folder, "releases"));
        symlinkSync("/etc/passwd", join(each.folder, "releases", "v3.yaml"));
      },
      /releases\/v3\.yaml is a link/,
    ],
    [
      "a release file behind a folder that is a link",
      (each) => {
        addRelease(each, `{ file: releases/passwd.yaml, digest: "${digest("e")}" }`);
        symlinkSync("/etc", join(each.folder, "releases"));
      },
      /releases\/passwd\.yaml is a link, or lies behind one/,
    ],
    [
      "a row file outside of the folder",
      (each) => {
        addRelease(each, `{ config: { limits: { file: ../../etc/passwd, digest: "${digest("e")}", count: 1 } } }`);
      },
      /expected a path inside the project|expected \{rows/,
    ],
    [
      "a row file that would be the program",
      (each) => {
        const text = "process.exit(0)\n";
        each.write("cli/main.ts", text);
        addRelease(each, `{ config: { limits: { file: cli/main.ts, digest: "${sha256(text)}", count: 1 } } }`);
      },
      /cli\/main\.ts: expected a file that ends in \.jsonl/,
    ],
    [
      "a row file that Node would load in the place of a program",
      (each) => {
        const text = "{}\n";
        each.write("release/redact.json", text);
        addRelease(each, `{ config: { limits: { file: release/redact.json, digest: "${sha256(text)}", count: 1 } } }`);
      },
      /release\/redact\.json would lie beside programs/,
    ],
    [
      "a row file of a gigabyte",
      (each) => {
        // Git keeps a file of zeros in a few kilobytes.
        each.write("rows/large.jsonl", "");
        truncateSync(join(each.folder, "rows", "large.jsonl"), 1024 ** 3);
        addRelease(each, `{ config: { limits: { file: rows/large.jsonl, digest: "${digest("e")}", count: 1 } } }`);
      },
      /rows\/large\.jsonl has more than 268435456 bytes/,
    ],
    [
      "a migration with another text",
      (each) => {
        each.edit("select 1", "drop table customers", "migrations/0001_first.sql");
      },
      /migrations\/0001_first\.sql is another file in the base/,
    ],
    [
      "an image at a registry of its own",
      (each) => {
        addRelease(each, `{ services: { api: { image: "127.0.0.1:${attacker.port}/app@${digest("c")}" } } }`);
      },
      /releases\.v3\.services\.api\.image: expected name@sha256/,
    ],
  ];
  for (const [what, change, says] of refusals) {
    it(`SEC-H5 · that brings ${what} is refused by name, and nothing is asked`, async () => {
      const [before, beforeDatabase] = [registry.came, database.came];
      const { asked, posted, commands } = await run(opened(change));
      assert.equal(asked.result, "failure");
      assert.equal(asked.outputs.take, "10", asked.log);
      assert.match(asked.outputs["take-text"] ?? "", says);
      assert.match(
        asked.outputs["take-text"] ?? "",
        /Nothing was written\.[^]*\nNext: (?:a pull request of its own for|correct) what is named/,
      );
      assert.deepEqual([asked.outputs.code, asked.outputs.preview], ["", ""]);
      assert.deepEqual([registry.came, database.came, attacker.came], [before, beforeDatabase, 0]);
      assert.match(posted, says);
      assert.ok(!asked.log.includes("root:x:0"));
      assert.match(commands.join("\n"), /^::error title=release take::rewind release take exited 10/);
    });
  }

  it("SEC-H5 · whose image has the name of a host is looked for in the base's registry", async () => {
    const { asked } = await run(
      opened((each) => {
        addRelease(each, `{ services: { api: { image: "localhost/app@${digest("c")}" } } }`);
      }),
    );
    assert.equal(asked.outputs.take, "0", asked.log);
    assert.equal(attacker.came, 0);
    const { pinned } = readStack({ folder: join(runners[0]?.workspace ?? "", "project"), stack: "dev" }).settings;
    assert.deepEqual(pinnedImages(pinned.facets, `127.0.0.1:${registry.port}`), [
      `127.0.0.1:${registry.port}/localhost/app@${digest("c")}`,
    ]);
  });

  it("SEC-H5 · brings the files that its releases name, as regular files, and leaves every other where it is", async () => {
    const rows = '{"id":2,"max":9}\n';
    const runner = opened((each) => {
      each.write("rows/next.jsonl", rows);
      each.write("rows/unnamed.jsonl", rows);
      each.write("migrations/0002_second.sql", "-- Up Migration\nselect 2;\n-- Down Migration\nselect 2;\n");
      addRelease(each, `{ config: { limits: { file: rows/next.jsonl, digest: "${sha256(rows)}", count: 1 } } }`);
    });
    const { asked } = await run(runner);
    assert.equal(asked.outputs.take, "0", asked.log);
    const at = join(runner.workspace, "project");
    assert.equal(readFileSync(join(at, "rows", "next.jsonl"), "utf8"), rows);
    assert.throws(() => readlinkSync(join(at, "rows", "next.jsonl")), /EINVAL/);
    assert.ok(existsSync(join(at, "migrations", "0002_second.sql")));
    assert.ok(!existsSync(join(at, "rows", "unnamed.jsonl")));
    const changed = execFileSync("git", ["-C", at, "status", "--porcelain", "--untracked-files=all"], {
      encoding: "utf8",
    });
    assert.deepEqual(
      changed
        .trim()
        .split("\n")
        .map((line) => line.trim().split(" ").at(-1))
        .sort(),
      ["Pulumi.dev.yaml", "migrations/0002_second.sql", "rows/next.jsonl"],
    );
  });

  it("SEC-H5 · from a fork, or onto another branch than the default one, is given no secret: the jobs say so and end", async () => {
    for (const options of [{ fork: true }, { onto: "evil" }]) {
      const runner = opened(addRelease, options);
      const { asked, comment, posted } = await run(runner);
      assert.equal(asked.result, "skipped");
      assert.match(comment.log, /::notice title=can-rollback::Skipped/);
      assert.equal(posted, "");
    }
  });

  it("SEC-L5 · can neither end a fence nor print a workflow command, whatever its texts are", async () => {
    const nasty = [
      "~~~~~~",
      "```",
      "~".repeat(3_000),
      "::set-env name=PATH::/tmp",
      "::error::seen",
      "::add-mask::x",
      "##[error]seen",
      "::stop-commands::mine",
      "\u001b[31mred\u001b]8;;http://evil.example\u0007",
      "\u202egnirts\u2066",
      "@everyone https://evil.example",
      "</details>",
      "\u2028::error::line separator",
      "EOF",
      "END",
    ];
    const { asked, posted, commands } = await run(
      opened((each) => {
        const text = JSON.stringify(nasty.join("\n")).replaceAll("\u2028", "\\u2028");
        addRelease(each, `{ description: ${text}, services: { api: { image: "app@${digest("c")}" } } }`);
      }),
    );
    assert.equal(asked.outputs.take, "0", asked.log);
    assert.ok((asked.outputs["preview-text"] ?? "").includes("::error::"), "the text came as far as the log");
    assert.deepEqual(
      commands.filter((each) => !/^::error title=(?:preview|can-rollback)::/.test(each)),
      [],
    );
    inFences(posted);
  });

  it("SEC-L5 · whatever a verb says, the comment keeps it inside its fence, below GitHub's limit, without hidden characters", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "~~~~~~",
        "\n~~~~~~\n",
        "`",
        "\n",
        "~",
        "\r",
        "::error::x",
        "END",
        "\u001b[1m",
        "\u202e",
        "\u200b",
        "é→✓",
        "\ud800",
        "@a",
        " ",
      ),
      fc.string({ unit: "binary", maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.integer({ min: 1, max: 4_000 }), (pieces, times) => {
        const text = pieces.join("").replaceAll("\0", "").repeat(times).slice(0, 39_000);
        const runner = opened(() => undefined);
        Object.assign(runner, {
          jobs: {
            ask: {
              result: "failure",
              outputs: {
                take: "0",
                "take-text": text,
                code: "10",
                "code-text": text,
                preview: "0",
                "preview-text": text,
              },
              log: "",
            },
          },
        });
        const { log } = runner.job("comment");
        const posted = runner.posted();
        assert.ok(posted !== "", log);
        inFences(posted);
        runner.remove();
      }),
      { numRuns: 12, seed: Number(process.env.REWIND_SEED ?? 20261130) },
    );
  });

  it("SEC-M12 · npx --no runs the checkout's rewind and never a package of that name from a registry", () => {
    const runner = opened(() => undefined);
    const outside = join(runner.folder, "outside");
    mkdirSync(outside);
    const served = join(runner.folder, "package");
    mkdirSync(served);
    writeFileSync(
      join(served, "package.json"),
      '{ "name": "rewind", "version": "0.8.0", "bin": { "rewind": "x.js" } }',
    );
    writeFileSync(
      join(served, "x.js"),
      `#!/usr/bin/env node\nrequire("node:fs").writeFileSync(${JSON.stringify(join(runner.folder, "stolen"))}, "");\n`,
    );
    const tarball = execFileSync("npm", ["pack", "--silent"], { cwd: served, encoding: "utf8" }).trim();
    // A registry that has the stranger's package: a process of its own, for npx is waited for.
    const program = `
      const { readFileSync } = require("node:fs");
      const bytes = readFileSync(${JSON.stringify(join(served, tarball))});
      const integrity = "sha512-" + require("node:crypto").createHash("sha512").update(bytes).digest("base64");
      require("node:http").createServer((request, response) => {
        if (request.method === "POST") return response.end("{}");
        if (request.url.endsWith(".tgz")) return response.end(bytes);
        const dist = { tarball: "http://" + request.headers.host + "/rewind.tgz", integrity };
        const version = { name: "rewind", version: "0.8.0", bin: { rewind: "x.js" }, dist };
        response.end(JSON.stringify({ name: "rewind", "dist-tags": { latest: "0.8.0" }, versions: { "0.8.0": version } }));
      }).listen(0, "127.0.0.1", function () {
        const npx = (...words) => require("node:child_process").spawn("npx", words, {
          cwd: ${JSON.stringify(outside)},
          env: { PATH: process.env.PATH, HOME: ${JSON.stringify(runner.folder)}, CI: "true", npm_config_registry: "http://127.0.0.1:" + this.address().port },
          stdio: ["ignore", "inherit", "inherit"],
        });
        npx(...process.argv.slice(1)).on("exit", (code) => process.exit(code ?? 1));
      });`;
    const npx = (...words: string[]) => {
      const { status, stderr } = spawnSync(process.execPath, ["-e", program, "--", ...words], { encoding: "utf8" });
      return { status, stderr, stolen: existsSync(join(runner.folder, "stolen")) };
    };
    const safe = npx("--no", "rewind", "status");
    assert.deepEqual([safe.status === 0, safe.stolen], [false, false], safe.stderr);
    // Without it the stranger's program runs, and nobody is asked.
    assert.equal(npx("rewind", "status").stolen, true);
  });

  it("SEC-M12 · every text and every script that names npx names it with --no", () => {
    const listed = execFileSync("git", ["-C", join(__dirname, "..", ".."), "ls-files", "-z"], { encoding: "utf8" });
    const found = listed
      .split("\0")
      .filter(
        (path) =>
          path !== "" &&
          !/package-lock\.json$|^tests\/security\/|^docs\/decisions\/0039|^CHANGELOG|^node_modules/.test(path),
      )
      .flatMap((path) => {
        const at = join(__dirname, "..", "..", path);
        const text = existsSync(at) ? readFileSync(at, "utf8") : "";
        const unsafe =
          /(?<![\w-])(?:npx(?= [a-z`"'$])(?! puts| runs| is | finds)|npm exec(?! --no\b)|npm x |bunx |pnpx |yarn dlx)/;
        return text
          .split("\n")
          .flatMap((line, index) => (unsafe.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : []));
      });
    assert.deepEqual(found, []);
  });
});

/** Holds a comment against what it may be: headings of ours, and blocks whose text cannot end them. */
function inFences(posted: string): void {
  assert.ok(posted.length <= 65_536, String(posted.length));
  assert.doesNotMatch(posted, /(?![\n\t])[\p{C}\p{Zl}\p{Zp}]/u);
  let fence: string | undefined;
  const outside: string[] = [];
  for (const line of posted.split("\n")) {
    if (fence !== undefined) {
      // What ends a block: at most three blanks, the same character at least as often, and nothing behind.
      if (new RegExp(`^ {0,3}~{${fence.length},}[ \\t]*$`).test(line)) fence = undefined;
    } else if (/^~{3,}/.test(line)) fence = /^~+/.exec(line)?.[0];
    else outside.push(line);
  }
  assert.equal(fence, undefined, "every block ends");
  for (const line of outside)
    assert.match(line, /^(?:\*\*(?:rewind release take|rewind can-rollback|pulumi preview --diff)\*\* exited \d+)?$/);
}
