import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { project } from "../release/stack-files";

/** The rooms whose code runs when an operator types a verb; the embedded environment is none of them. */
const rooms = ["builds", "checks", "cli", "project", "records", "recovery", "release", "rows", "stacks"];

const sources = rooms.flatMap((room) =>
  readdirSync(join(project, room), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => ({ path: `${room}/${name}`, text: readFileSync(join(project, room, name), "utf8") })),
);

/** Every line of the sources that has something, by its place. */
const linesWith = (what: RegExp): string[] =>
  sources.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, at) => (what.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [])),
  );

/**
 * What can be said without a Mac and a Windows machine: that the verbs ask for nothing that only one system has. That
 * each program they start is there (pulumi, and PostgreSQL's own for `rewind database`) the machine has to see to.
 */
describe("the verbs on any system", () => {
  it("G10 · start programs by name with a list of arguments, never through a shell, and end none by its group", () => {
    const imports = linesWith(/from "node:child_process"/);
    assert.ok(imports.length > 0);
    for (const line of imports) assert.match(line, /import \{ (?:(?:execFile|spawn|spawnSync)(?:, )?)+ \} from/);
    assert.deepEqual(linesWith(/\bshell: true\b|process\.kill\(-/), []);
    assert.deepEqual(linesWith(/(?:execFile|spawn|spawnSync|execute)\("(?:sh|bash|cmd|powershell)\b/), []);
  });

  it("G10 · name no place that only one system has, but those that they can do without", () => {
    const places = linesWith(/["'`]\/(?:bin|dev|etc|home|opt|proc|root|tmp|usr|var)\//);
    // The shell of a health check is one of the container.
    const known = [
      /^checks\/health\.ts:/,
      /^checks\/chromium\.ts:/,
      /^checks\/known-hosts\.ts:/,
      /^records\/runner\.ts:/,
    ];
    assert.deepEqual(
      places.filter((line) => !known.some((each) => each.test(line))),
      [],
    );
  });
});
