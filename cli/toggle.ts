import { readFileSync } from "node:fs";
import { writeAtomically } from "../records/atomic-file";
import { sha256 } from "../records/line";
import { declaredType } from "../release/rules/toggles";
import { toggleForms, typedToggle, type Toggle } from "../release/schema/toggles";
import { applyStackFile, refuseWhileStopped } from "./apply";
import { exitCodeOf, exitCodes } from "./exit-codes";
import type { TogglesJson, ToggleSetJson } from "./json/change";
import { checkLines, coloured } from "./report";
import { beforeUp } from "./next";
import { refuseUnrequested } from "./request";
import { Refusal, type Tell, type VerbResult } from "./result";
import { open, type OpenedStack, type Where } from "./stack";
import { withValueAt } from "../project/stack-edit";

/** What the caller wants of a toggle. */
export interface ToggleOptions {
  readonly toggle: string;
  /** The value as it was typed; undefined gives the toggle back to the release. */
  readonly value: string | undefined;
  readonly reason: string;
  /** Whether to apply it at once. */
  readonly apply: boolean;
  readonly tell: Tell;
  readonly signal: AbortSignal;
}

/** `rewind toggle`: every toggle, its value, and who says so. */
export async function listToggles(where: Where): Promise<VerbResult<TogglesJson>> {
  const { settings } = await open(where);
  const pinned = settings.pinned.facets.toggles;
  const found: TogglesJson = (settings.environment.toggles ?? []).map((toggle) => {
    const source = Object.hasOwn(settings.toggles, toggle) ? "stack" : toggle in pinned ? "release" : "nothing";
    return { toggle, value: pinned[toggle] ?? null, source, release: releaseValue(settings, toggle) ?? null };
  });
  const width = Math.max(0, ...found.map(({ toggle }) => toggle.length));
  const lines = found.map(({ toggle, value, source, release }) => {
    const told = source === "stack" ? `the stack; ${settings.release} says ${JSON.stringify(release)}` : source;
    return `  ${toggle.padEnd(width)}  ${JSON.stringify(value).padEnd(6)}  ${told === "release" ? settings.release : told}`;
  });
  return { code: exitCodes.ok, text: lines.join("\n") || "The environment has no toggles.", json: found };
}

/** `rewind toggle NAME VALUE` and `rewind toggle NAME --release`: one line of the stack file, an entry, an update. */
export async function setToggle(where: Where, options: ToggleOptions): Promise<VerbResult<ToggleSetJson>> {
  const stack = await open(where);
  if (options.apply) refuseWhileStopped(stack);
  const { settings, log, file, engine } = stack;
  const { toggle, reason, tell, signal } = options;
  const known = settings.environment.toggles ?? [];
  if (!known.includes(toggle)) {
    throw new Refusal(`no toggle ${toggle}; the environment has ${known.join(", ") || "none"}`, "rewind toggle");
  }
  const value = options.value === undefined ? undefined : typed(stack, toggle, options.value);
  const before = readFileSync(file, "utf8");
  const text = withValueAt(before, ["rewind:toggles", toggle], value);
  const words = value === undefined ? `${toggle} as the release says` : `${toggle} = ${JSON.stringify(value)}`;
  if (text === before) throw new Refusal(`${words} already`, "rewind toggle");
  const wanted = JSON.stringify(value ?? releaseValue(settings, toggle) ?? null);
  // The stack file is applied as a whole, with whatever else was edited in it.
  refuseUnrequested(
    stack,
    `toggle: ${toggle} = ${wanted}, ${options.apply ? "applied" : "not applied"}, by the stack file ${sha256(text)}`,
  );
  const append = (laid: Toggle | undefined, why: string) =>
    log.append({ kind: "toggle", toggle, ...(laid === undefined ? {} : { value: laid }), reason: why });
  const entry = append(value, reason);
  const common = { stack: engine.name, toggle, value: value ?? null, reason, entry: entry.id };
  const recorded = `deployment log: ${log.location} entry ${entry.id}`;
  if (!options.apply) {
    writeAtomically(file, text);
    return {
      code: exitCodes.ok,
      text: `${words}, not applied yet\n${recorded}\nNext: ${beforeUp({ settings, entries: log.entries() }) ?? "pulumi up"}`,
      json: { ...common, outcome: "not applied" },
    };
  }
  const applied = await applyStackFile(stack, text, `toggle ${words}: ${reason}`, { tell, signal });
  switch (applied.end) {
    case "refused": {
      // The trace tells what holds, not only what was wanted.
      append(settings.toggles[toggle], "the update was refused; nothing was touched");
      const { reason, next = "rewind verify", kind = "refused" } = applied;
      const text = `Refused; ${toggle} stays as it was.\n${reason}\nNext: ${next}`;
      return { code: exitCodes[kind], text, json: { ...common, outcome: kind, reason, next } };
    }
    case "unfinished": {
      const text = `${coloured("red", "TOGGLE UNFINISHED")}: ${applied.reason}\n${recorded}\nNext: pulumi up`;
      return { code: exitCodes.error, text, json: { ...common, outcome: "unfinished", reason: applied.reason } };
    }
    case "unchanged":
      return {
        code: exitCodes.ok,
        text: `${words}; nothing had to change\n${recorded}`,
        json: { ...common, outcome: "unchanged" },
      };
    case "judged": {
      const { result, checks } = applied.outcome;
      const headline =
        result === "passed" ? coloured("green", `${words}, verified`) : coloured("red", `${words}: ${result}`);
      const next = result === "passed" ? [] : ["Next: rewind verify"];
      const text = [headline, ...checkLines(checks), recorded, ...next].join("\n");
      return { code: exitCodeOf[result], text, json: { ...common, outcome: result, checks } };
    }
  }
}

/** What the pinned release itself says of a toggle. */
function releaseValue({ releases, pins, release }: OpenedStack["settings"], toggle: string): Toggle | undefined {
  const from = pins[`toggles/${toggle}`] ?? pins.toggles ?? release;
  return releases.get(from)?.toggles?.[toggle];
}

/** A value of the type that releases give the toggle. */
function typed({ settings }: OpenedStack, toggle: string, text: string): Toggle {
  const value = typedToggle(declaredType(settings, toggle), text);
  if (value !== undefined) return value;
  const type = declaredType(settings, toggle) ?? "text";
  const example = { boolean: "true", number: "0.25", text: "TEXT", list: `'["a","b"]'` }[type];
  throw new Refusal(
    `${toggle} is ${toggleForms[type]}, got ${JSON.stringify(text)}`,
    `rewind toggle ${toggle} ${example} --reason "…"`,
  );
}
