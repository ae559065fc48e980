import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { type Command, CommanderError } from "commander";
import { plan } from "../../cli/plan";
import { lastGood } from "../../cli/planning";
import { programOf } from "../../cli/program";
import { readStack } from "../../cli/stack-file";
import { status } from "../../cli/status";
import type { Draft } from "../../records/log";
import { project } from "../release/stack-files";
import { commandsIn, sources, textsOf } from "./next/commands";
import { deploy } from "./deployed";
import { freshCopies } from "./project";

/** A command line without what its verbs do. */
function inert(): Command {
  const kit = {} as Parameters<typeof programOf>[0];
  const still = (command: Command): Command => {
    command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
    if (command.commands.length === 0) command.action(() => undefined);
    for (const each of command.commands) still(each);
    return command;
  };
  return still(programOf(kit));
}

/** Why rewind refuses a command line; undefined when it takes it. */
function fault(words: readonly string[]): string | undefined {
  try {
    inert().parse([...words], { from: "user" });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.code === "commander.helpDisplayed" || error.code === "commander.help" ? undefined : error.message;
  }
}

describe("the next command of rewind status", () => {
  const copy = freshCopies();
  const next = () => status(copy().where).json.next;
  const append = (draft: Draft) => readStack(copy().where).log.append(draft);
  /** Whether `rewind rollback` without a target finds one, as the command that is named needs it. */
  const goesBack = (): boolean => {
    const { settings, log } = readStack(copy().where);
    return lastGood({ settings, entries: log.entries() }) !== undefined;
  };

  it("is never pulumi up where the pinned release is on hold, and goes back only where there is a release to go to", () => {
    deploy(copy(), "v1.2.1", { result: "failed" });
    assert.equal(next(), "pulumi up, which finishes and verifies it");
    append({ kind: "hold", release: "v1.2.1", reason: "wrong stamps" });
    assert.deepEqual([goesBack(), next()], [false, 'rewind unhold v1.2.1 --reason "…" when the cause is gone']);
    append({ kind: "unhold", release: "v1.2.1", reason: "mended" });
    deploy(copy(), "v1.2.0");
    deploy(copy(), "v1.2.1", { result: "failed" });
    assert.deepEqual([goesBack(), next()], [true, "pulumi up, which finishes and verifies it; or rewind rollback"]);
    append({ kind: "hold", release: "v1.2.1", reason: "wrong stamps" });
    const out = 'rewind rollback, or rewind unhold v1.2.1 --reason "…" when the cause is gone';
    assert.equal(next(), out);
    assert.doesNotThrow(() => plan(copy().where, undefined, "full"), "the rollback that it names is not refused");
  });

  it("of a stopped stack is a rollback only where there is a release to go to", () => {
    deploy(copy(), "v1.2.1");
    append({ kind: "stop", reason: "corrupt data" });
    assert.deepEqual([goesBack(), next()], [false, 'rewind start --reason "…" when it is over']);
    append({ kind: "start", reason: "over" });
    deploy(copy(), "v1.2.0");
    append({ kind: "stop", reason: "corrupt data" });
    assert.deepEqual([goesBack(), next()], [true, 'rewind rollback, or rewind start --reason "…" when it is over']);
  });

  it("is not pulumi up where the record of the pinned release is not what was applied", () => {
    deploy(copy(), "v1.2.0");
    const changed = copy().text().replace("results_version, value: v1.2.0", "results_version, value: v1.2.9");
    writeFileSync(copy().file, changed);
    assert.equal(next(), "rewind release show v1.2.0: its record is not what was applied");
  });
});

describe("the commands that messages name", () => {
  it("are verbs of rewind with flags and arguments that these verbs take", () => {
    const faults: string[] = [];
    let commands = 0;
    for (const file of sources) {
      for (const { text, line } of textsOf(file)) {
        for (const words of commandsIn(text)) {
          commands += 1;
          const reason = fault(words);
          if (reason !== undefined)
            faults.push(`${file.slice(project.length + 1)}:${line} rewind ${words.join(" ")}: ${reason}`);
        }
      }
    }
    assert.deepEqual(faults, []);
    assert.ok(commands > 100, String(commands));
  }).timeout(20_000);
});
