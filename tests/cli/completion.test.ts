import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Argument, Command, Option } from "commander";
import fc from "fast-check";
import { completion, completionsFor, shells, type Names } from "../../cli/completion";
import { namesIn } from "../../cli/names";
import { installIn, rewindIn } from "./process";
import { freshCopies } from "./project";

const names: Names = {
  stacks: () => ["prod", "staging"],
  releases: (stack) => (stack === "prod" ? ["v1"] : ["v1", "v2", "v$(id)"]),
};
const release = (text: string): string => text;

function program(): Command {
  const flags = () => [
    new Option("-s, --stack <name>", "the stack"),
    new Option("-l, --level <level>", "how").choices(["fast", "full"]),
    new Option("--yes", "do not ask"),
  ];
  const rewind = new Command("rewind");
  const roll = rewind.command("rollback").argument("[release]", "the target", release);
  const shelf = rewind.command("release").description("the catalogue");
  const show = shelf.command("show").argument("<id>", "the release", release);
  shelf.command("add").argument("<id>", "a new one");
  for (const verb of [roll, show]) for (const flag of flags()) verb.addOption(flag);
  rewind.command("completion").addArgument(new Argument("<shell>").choices(shells));
  rewind.command("complete", { hidden: true });
  return rewind;
}

describe("what completes a command line", () => {
  const offered = (...words: string[]): string[] =>
    completionsFor(program(), words, names, (parser) => parser === release).map((line) => line.split("\t")[0] ?? "");

  it("are the verbs that commander knows, hidden ones aside, and those below a verb", () => {
    assert.deepEqual(offered(""), ["rollback", "release", "completion", "help"]);
    assert.deepEqual(offered("ro"), ["rollback"]);
    assert.deepEqual(offered("release", "s"), ["show"]);
  });

  it("are a verb's flags with what they are for, and the choices of one that has some", () => {
    assert.deepEqual(offered("rollback", "--"), ["--stack", "--level", "--yes", "--help"]);
    assert.match(completionsFor(program(), ["rollback", "--y"], names, () => false).join(), /^--yes\tdo not ask$/);
    assert.deepEqual(offered("rollback", "--level", "f"), ["fast", "full"]);
    assert.deepEqual(offered("rollback", "-l", "fu"), ["full"]);
    assert.deepEqual(offered("rollback", "--level=fa"), ["--level=fast"]);
    assert.deepEqual(offered("rollback", "--level", "=", "fa"), ["fast"], "as bash takes it apart");
    assert.deepEqual(offered("completion", "p"), ["powershell"]);
  });

  it("are stacks, and the releases of the stack that is named, where one is asked for", () => {
    assert.deepEqual(offered("rollback", "--stack", ""), ["prod", "staging"]);
    assert.deepEqual(offered("rollback", ""), ["v1", "v2"]);
    assert.deepEqual(offered("rollback", "--stack", "prod", ""), ["v1"]);
    assert.deepEqual(offered("rollback", "--yes", "--stack=prod", "v"), ["v1"]);
    assert.deepEqual(offered("rollback", "v1", ""), [], "one release is enough");
    assert.deepEqual(offered("release", "add", ""), [], "a new release has no name yet");
  });

  it("never is what a shell would read as more than a word, whatever is typed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom("rollback", "--stack", "-l", "--", "=", "--level="))),
        (words) => {
          for (const line of offered(...words)) assert.match(line, /^[\w.=-]+$/);
        },
      ),
    );
  });
});

describe("the names that complete", () => {
  const copy = freshCopies();

  it("are those of the stack files, the archive included; what cannot be read has none", () => {
    writeFileSync(join(copy().folder, "releases", "archive.json"), '{"v0.9.0": "sha256:…"}');
    writeFileSync(copy().file, `${copy().text()}\n  rewind:archive: {file: releases/archive.json}\n`);
    writeFileSync(join(copy().folder, "Pulumi.broken.yaml"), "config: [");
    const found = namesIn(copy().folder);
    assert.deepEqual(found.stacks().toSorted(), ["broken", "staging"]);
    assert.deepEqual(found.releases("staging"), ["v1.1.0", "v1.2.0", "v1.2.1", "v0.9.0"]);
    assert.deepEqual(found.releases(undefined), found.releases("staging"));
    for (const stack of ["broken", "nowhere", "../staging"]) assert.deepEqual(found.releases(stack), []);
    assert.deepEqual(namesIn(join(copy().folder, "nowhere")).stacks(), []);
  });
});

describe("completion in a shell", function () {
  this.timeout(60_000);
  const copy = freshCopies();
  beforeEach(() => {
    installIn(copy().folder);
    const bin = join(copy().folder, "bin");
    mkdirSync(bin);
    writeFileSync(
      join(bin, "rewind"),
      `#!/bin/sh\nexec '${process.execPath}' '${join(copy().folder, "cli", "rewind.js")}' "$@"\n`,
    );
    chmodSync(join(bin, "rewind"), 0o755);
  });
  const said = (shell: string, ...args: string[]): string => {
    const env = { PATH: `${join(copy().folder, "bin")}${delimiter}${process.env.PATH ?? ""}`, HOME: copy().folder };
    const ran = spawnSync(shell, args, { cwd: copy().folder, env, encoding: "utf8" });
    assert.equal(ran.status, 0, ran.stderr);
    assert.equal(ran.stderr, "");
    return ran.stdout;
  };
  /** What bash would offer for the words typed, the last of them under the cursor. */
  const replies = (...words: string[]): string[] => {
    const script = `eval "$(rewind completion bash)"
complete -p rewind >/dev/null || exit 1
COMP_WORDS=(rewind "$@") COMP_CWORD=$#
_rewind rewind "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "\${COMPREPLY[@]}"`;
    return said("bash", "--norc", "-c", script, "bash", ...words)
      .split("\n")
      .filter((line) => line !== "");
  };

  it("G10 · bash offers every verb of the help, flags, choices, stacks and releases", () => {
    const { stdout } = rewindIn(copy().folder, "--help");
    const verbs = [...stdout.matchAll(/^ {2}([a-z-]+) (?:\[|<| )/gm)].map(([, verb = ""]) => verb);
    assert.ok(verbs.length > 20, stdout);
    assert.deepEqual(replies("").toSorted(), verbs.toSorted());
    assert.deepEqual(replies("rollback", "--l"), ["--level"]);
    assert.deepEqual(replies("rollback", "--level", "f"), ["fast", "full"]);
    assert.deepEqual(replies("status", "--stack", ""), ["staging"]);
    assert.deepEqual(replies("release", "show", "v1.2"), ["v1.2.0", "v1.2.1"]);
    assert.deepEqual(replies("release", "add", ""), []);
  });

  it("runs nothing of what is typed or of what files and releases are called", () => {
    const trap = "$(touch trapped)";
    writeFileSync(join(copy().folder, `Pulumi.${trap}.yaml`), "config: {}");
    writeFileSync(join(copy().folder, "Pulumi.a;touch trapped;.yaml"), "config: {}");
    writeFileSync(
      copy().file,
      copy()
        .text()
        .replace(/^ {4}v1\.2\.0:/m, `    "v${trap}":`),
    );
    assert.deepEqual(replies("rollback", "--stack", ""), ["staging"]);
    assert.deepEqual(replies("rollback", "v"), ["v1.1.0", "v1.2.1"]);
    assert.deepEqual(replies("rollback", trap), []);
    assert.deepEqual(replies("rollback", "--stack", "`touch trapped`", "v"), []);
    assert.ok(!readdirSync(copy().folder).includes("trapped"));
  });

  it("says nothing, and no error, where a stack file cannot be read or what is typed makes no sense", () => {
    writeFileSync(copy().file, "config: [");
    for (const words of [
      ["rollback", ""],
      ["nonsense", "--x", ""],
      ["--", "x"],
      ["rollback", "--level", "x"],
    ]) {
      assert.deepEqual(replies(...words), [], words.join(" "));
    }
    const { code, stdout, stderr } = rewindIn(copy().folder, "complete", "--next", "--", "rollback");
    assert.deepEqual([code, stdout.trim(), stderr], [0, "", ""]);
  });

  it("every script asks rewind itself, evaluates nothing, and knows no verb", () => {
    for (const shell of shells) {
      const { text } = completion(shell);
      assert.match(text, / complete .*--/);
      const code = text.replace(/^#.*$/gm, "");
      assert.doesNotMatch(code, /\beval\b|Invoke-Expression|compgen|rollback|status/, shell);
    }
  });

  // What a machine does not have is not tried on it; the content of each script is proved above.
  for (const shell of ["zsh", "fish"] as const) {
    if (!(process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, shell)))) continue;
    it(`the script for ${shell} is one that ${shell} reads`, () => {
      const file = join(copy().folder, "script");
      writeFileSync(file, completion(shell).text);
      said(shell, "-n", file);
    });
  }
});
