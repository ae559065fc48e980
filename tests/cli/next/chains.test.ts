import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { pulumiIn, follow } from "./walk";
import { commandsIn } from "./commands";
import { elsewhere } from "./elsewhere";
import { sitesOfNext } from "./sites";
import { worldOfSuite, type World } from "./world";

/** A state of a stack, and the commands that are asked in it. */
interface State {
  readonly is: string;
  readonly made: (world: World) => void;
  readonly asked: readonly string[];
}

const good = (world: World): void => {
  world.deploy("v1");
  world.deploy("v2");
};
const begun = (world: World, runner = { host: hostname(), pid: 999_999 }): string => {
  const pin = { release: "v2", pins: {} };
  const plan = `sha256:${"a".repeat(64)}`;
  return world.append({
    kind: "rollback",
    from: "v2",
    to: "v1",
    level: "full",
    plan,
    before: pin,
    ran: pin,
    runner,
  } as never).id;
};

/** What is asked in every state: nothing that looks may lead into a circle. */
const looks = ["status", "plan", "history", "known-good"];

/** And where it is about what runs. */
const asks = [...looks, "verify", "rollback"];

const states: readonly State[] = [
  {
    is: "nothing was deployed",
    made: () => undefined,
    asked: [
      ...asks,
      "rollback v2",
      "rollback --by-policy",
      "resume",
      "abort",
      "preview",
      "drill",
      "diff",
      "diff v1 v9",
      "diff --live",
      "diff v1 --live",
      "checklist",
      "report",
      "report x",
      "history x",
      "history a --engine",
      "history --engine",
      "backup list",
      "backup choose",
      "backup verify",
      "backup create",
      "backup fetch",
      "restore x --part stack",
      "restore x",
      "release show v9",
      "release archive",
      "release add v1",
      "release add v4 --from v9",
      "release add v4 --set toggles.FAST=true",
      "release add v4 --set toggles.FAST=true --pin",
      "release add v4 --set x",
      "release add v4 --file none.yaml",
      "hold v9 -r x",
      "unhold v1 -r x",
      "start -r x",
      "stop -r x",
      "toggle",
      "toggle NONE true -r x",
      "toggle FAST",
      "toggle FAST true",
      "toggle FAST true -r x",
      "rotate application -r x",
      "data list none",
      "data clean none --made-by v1 --count 0",
      "data restore x",
      "frontend publish out --name web",
      "signatures",
      "baseline --output out/b.json",
      "records show",
      "records convert --to json",
      "log",
      "log verify",
      "log checkpoint out/c",
      "schema none",
      "approve v2",
      "can-rollback --limit 0",
      "can-rollback v9",
      "can-rollback v2",
      "why-not v9",
      "why-not v2",
      "rollback v2 --level manual",
      "database backup",
      "database recover --before x --into out",
    ],
  },
  {
    is: "two releases passed",
    made: good,
    asked: [
      ...asks,
      "rollback v2",
      "rollback v1",
      "rollback v1 --level fast",
      "rollback v1 --level manual",
      "rollback v3",
      "rollback --by-policy",
      "rollback --by-policy v1",
      "why-not v1",
      "why-not v2",
      "why-not v9",
      "preview",
      "preview v1",
      "plan v1",
      "plan v1 --level fast",
      "drill",
      "hold v1 -r x",
      "hold v2 -r x",
      "stop -r x",
      "toggle FAST true -r x",
      "toggle FAST true -r x --no-apply",
      "toggle FAST --release -r x",
      "toggle FAST x -r x",
      "diff",
      "diff --live",
      "checklist",
      "checklist --answer none=yes",
      "release show v1",
      "release add v4 --from v1",
      "log verify",
      "backup create",
      "approve",
      "history v1",
      "report",
    ],
  },
  {
    is: "the pinned release failed and another is known to be good",
    made: (world) => {
      world.deploy("v1");
      world.deploy("v2", "failed");
    },
    asked: [
      ...asks,
      "rollback --by-policy",
      "why-not v1",
      "why-not v2",
      "rollback v2",
      "hold v2 -r x",
      "toggle FAST true -r x",
    ],
  },
  {
    is: "the only release failed",
    made: (world) => {
      world.deploy("v1", "failed");
    },
    asked: [...asks, "rollback v2", "why-not v1", "rollback v1", "rollback --by-policy"],
  },
  {
    is: "the pin is not what was applied",
    made: (world) => {
      good(world);
      world.pin("v3");
    },
    asked: [...looks, "diff", "drill", "preview"],
  },
  {
    is: "an update was interrupted",
    made: (world) => {
      world.deploy("v1");
      world.deploy("v2", "unfinished");
    },
    asked: [...looks, "records convert --to json", "resume"],
  },
  {
    is: "the stack is stopped",
    made: (world) => {
      good(world);
      world.append({ kind: "stop", reason: "x" } as never);
    },
    asked: [...asks, "stop -r again", "toggle FAST true -r x", "drill", "rollback --by-policy"],
  },
  {
    is: "the stack is stopped and nothing is known to be good",
    made: (world) => {
      world.append({ kind: "stop", reason: "x" } as never);
    },
    asked: [...looks, "toggle FAST true -r x"],
  },
  {
    is: "the pinned release is on hold",
    made: (world) => {
      good(world);
      world.append({ kind: "hold", release: "v2", reason: "x" } as never);
    },
    asked: [...asks, "rollback v2", "why-not v2", "release show v2"],
  },
  {
    is: "the pinned release is on hold and no other is known to be good",
    made: (world) => {
      world.deploy("v1");
      world.append({ kind: "hold", release: "v1", reason: "x" } as never);
    },
    asked: [...looks, "why-not v1", "rollback v1"],
  },
  {
    is: "the release to go back to is on hold",
    made: (world) => {
      good(world);
      world.append({ kind: "hold", release: "v1", reason: "x" } as never);
    },
    asked: [...looks, "rollback v1", "why-not v1", "can-rollback v1"],
  },
  {
    is: "the record of the pinned release is not what was applied",
    made: (world) => {
      good(world);
      world.edit({ path: ["rewind:releases", "v2", "toggles"], value: { FAST: true } });
    },
    asked: [...asks, "release show v2", "why-not v2", "toggle FAST true -r x", "rollback v1"],
  },
  {
    is: "the record of the release to go back to is not what was applied",
    made: (world) => {
      good(world);
      world.edit({ path: ["rewind:releases", "v1", "toggles"], value: { FAST: true } });
    },
    asked: [...looks, "release show v1", "why-not v1", "rollback v1", "can-rollback v1"],
  },
  {
    is: "what runs is not in the catalogue any more",
    made: (world) => {
      good(world);
      world.pin("v1");
      world.edit({ path: ["rewind:releases", "v2"], value: undefined });
    },
    asked: [...looks, "rollback v1 --level fast", "rollback v3", "diff"],
  },
  {
    is: "a rollback was killed before anything was touched",
    made: (world) => {
      good(world);
      begun(world);
      world.pin("v1");
    },
    asked: [...asks, "resume", "abort", "records convert --to json", "rollback v3", "plan --by-hand"],
  },
  {
    is: "a rollback of another machine has not come to its end",
    made: (world) => {
      good(world);
      begun(world, { host: "elsewhere", pid: 7 });
    },
    asked: [...looks, "resume", "abort", "resume --runner-is-gone", "abort --runner-is-gone"],
  },
  {
    is: "a rollback still works",
    made: (world) => {
      good(world);
      begun(world, { host: hostname(), pid: process.pid });
    },
    asked: ["status", "doctor", "resume", "abort", "rollback", "why-not v1"],
  },
  {
    is: "a rollback was overtaken",
    made: (world) => {
      good(world);
      begun(world);
      world.deploy("v3");
    },
    asked: [...looks, "resume", "abort"],
  },
  {
    is: "a rollback was killed in its update",
    made: (world) => {
      good(world);
      const run = begun(world);
      world.pin("v1");
      killed(world, run);
    },
    asked: [...asks, "resume", "abort"],
  },
  {
    is: "the target of a rollback fails verification",
    made: (world) => {
      good(world);
      world.endings = { v1: "failed" };
    },
    asked: ["rollback", "rollback v1", "drill"],
  },
  {
    is: "the target of a rollback fails and nothing else is known to be good",
    made: (world) => {
      world.deploy("v2");
      world.endings = { v1: "failed" };
    },
    asked: ["rollback v1"],
  },
  {
    is: "the update of a rollback is killed",
    made: (world) => {
      good(world);
      world.endings = { v1: "unfinished" };
    },
    asked: ["rollback", "toggle FAST true -r x"],
  },
  {
    is: "an update fails that nobody rolls back",
    made: (world) => {
      good(world);
      world.endings = { v2: "failed" };
    },
    asked: ["toggle FAST true -r x"],
  },
  {
    is: "the stack goes back by itself",
    made: (world) => {
      world.deploy("v1");
      world.edit({ path: ["rewind:onFailure"], value: "rollback" });
      world.deploy("v2", "failed");
    },
    asked: ["rollback --by-policy", "status", "rollback"],
  },
  {
    is: "somebody else must agree",
    made: (world) => {
      good(world);
      world.edit({ path: ["rewind:approval"], value: { validFor: "1h" } });
    },
    asked: [
      "rollback",
      "rollback v1 --level manual",
      "approve",
      "toggle FAST true -r x",
      "approve --request x",
      "approve v1 --request x",
    ],
  },
  {
    is: "the log cannot be read",
    made: (world) => {
      good(world);
      appendFileSync(logOf(world), "{\n{}\n");
    },
    asked: ["status", "rollback", "doctor", "log verify"],
  },
  {
    is: "the log is not what was written",
    made: (world) => {
      good(world);
      world.mark = "tampered";
      writeFileSync(logOf(world), readFileSync(logOf(world), "utf8").replace('"passed"', '"failed"'));
    },
    asked: ["log verify", "doctor", "log checkpoint out/c"],
  },
  {
    is: "the stack file is wrong",
    made: (world) => {
      good(world);
      world.edit({ path: ["rewind:environment", "kind"], value: "none" });
    },
    asked: ["doctor", "restore x --part state"],
  },
  {
    is: "there are questions",
    made: (world) => {
      good(world);
      world.edit({
        path: ["rewind:verification", "questions"],
        value: { fine: { area: "features", ask: "Is it?" } },
      });
    },
    asked: ["checklist", "checklist --answer fine=no"],
  },
];

const logOf = (world: World): string => join(world.folder, ".rewind", "records", "dev.jsonl");

function killed(world: World, run: string): void {
  world.endings = { v1: "unfinished" };
  world.applyAs(run);
  world.endings = {};
}

describe("what the product says to type next", () => {
  const world = worldOfSuite();
  const said = new Set<string>();
  let driven = 0;

  for (const { is, made, asked } of states) {
    it(`is a command that leads on where ${is}`, async () => {
      driven += 1;
      const faults: string[] = [];
      for (const words of new Set(asked)) {
        world.reset();
        mkdirSync(join(world.folder, "out"));
        made(world);
        const state = world.keep();
        const here = `rewind ${words} @ ${world.state()}`;
        const answer = world.known.get(here) ?? (await world.rewind(words.split(" ")));
        if (here.endsWith(` @ ${world.state()}`)) world.known.set(here, answer);
        const { next } = (answer.json ?? {}) as { next?: string };
        for (const each of new Set([...answer.next, ...(next === undefined ? [] : [next])])) {
          const why = await follow(world, each, (text) => said.add(text), [here]);
          if (why !== undefined) faults.push(`rewind ${words}: ${why}`);
        }
        if (answer.code !== 0 && answer.next.length === 0)
          faults.push(`rewind ${words} ends with ${answer.code} and no next command: ${answer.text}`);
        // The answer for machines names the same.
        if (
          next !== undefined &&
          !answer.next.some((each) => each.startsWith(next.replace(/, which undoes it$/, "")))
        ) {
          faults.push(`rewind ${words} --json: ${next}, but for people ${answer.next.join(" | ")}`);
        }
        state();
      }
      assert.deepEqual(faults, []);
    }).timeout(600_000);
  }

  it("is driven by one of these states, wherever it stands in the source", function () {
    // Only after all of them it is known what was said.
    if (driven < states.length) this.skip();
    const open = sitesOfNext().filter(
      ({ text, matches }) => (commandsIn(text).length > 0 || pulumiIn(text).length > 0) && ![...said].some(matches),
    );
    const undriven = new Set(open.map(({ place, text }) => `${place.split(":")[0]} ${text}`));
    const unlisted = [...undriven].filter((each) => !elsewhere.has(each));
    // A line of the list that the source does not have, or that a state drives.
    const outdated = [...elsewhere].filter((each) => !undriven.has(each));
    assert.deepEqual({ unlisted, outdated }, { unlisted: [], outdated: [] });
  }).timeout(20_000);
});
