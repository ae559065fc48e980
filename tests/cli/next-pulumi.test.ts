import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { sources, textsOf } from "./next/commands";
import { pulumiIn } from "./next/walk";
import { project } from "../release/stack-files";

/** The engine that this machine has: on the PATH, or where the embedded environment keeps it. */
function engine(): string | undefined {
  const kept = join(homedir(), ".cache", "rewind");
  const folders = existsSync(kept) ? readdirSync(kept).filter((name) => /^pulumi-[\d.]+$/.test(name)) : [];
  return ["pulumi", ...folders.map((name) => join(kept, name, "bin", "pulumi"))].find(
    (program) => spawnSync(program, ["version"], { encoding: "utf8" }).status === 0,
  );
}

/** Words behind "pulumi" where it is the subject of a sentence, and no command is meant. */
const sentences = new Set(["needs", "answers", "is", "did", "does", "in", "knows"]);

describe("the commands of pulumi that messages name", () => {
  it("are commands of the engine, with flags that these have", function () {
    this.timeout(60_000);
    const program = engine();
    if (program === undefined) return void this.skip();
    const help = new Map<string, string>();
    const helpOf = (words: readonly string[]): string => {
      const key = words.join(" ");
      const text = help.get(key) ?? spawnSync(program, [...words, "--help"], { encoding: "utf8" }).stdout;
      help.set(key, text);
      return text;
    };
    const faults: string[] = [];
    const commands = new Set<string>();
    for (const file of sources) {
      for (const { text, line } of textsOf(file)) {
        for (const words of pulumiIn(text)) {
          const [first = "", ...rest] = words;
          if (sentences.has(first) || /^v\d/.test(first)) continue;
          const inner =
            ["stack", "config", "plugin", "state", "policy", "org"].includes(first) && /^[a-z]+$/.test(rest[0] ?? "")
              ? [rest[0] ?? ""]
              : [];
          const said = helpOf([first, ...inner]);
          commands.add([first, ...inner].join(" "));
          // Of a command that it does not know the engine shows the help of the one above it.
          const usage = /^ *pulumi (.*)$/m.exec(said.slice(said.indexOf("Usage:")))?.[1] ?? "";
          const aliases = /Aliases:\s+(.*)$/m.exec(said)?.[1]?.split(", ") ?? [];
          const asked = [first, ...inner];
          const known = usage.startsWith(asked.join(" ")) || aliases.includes(asked.at(-1) ?? "");
          const flags = words.filter((word) => word.startsWith("--")).map((word) => word.replace(/=.*/, ""));
          const unknown = flags.filter((flag) => !new RegExp(`${flag}\\b`).test(said));
          if (!known || unknown.length > 0)
            faults.push(
              `${file.slice(project.length + 1)}:${line} pulumi ${words.join(" ")}: ${known ? unknown.join(", ") : "no such command"}`,
            );
        }
      }
    }
    assert.deepEqual(faults, []);
    assert.ok(commands.size >= 8, [...commands].join(", "));
  });
});
