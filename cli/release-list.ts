import { relative } from "node:path";
import type { Entry } from "../records/entry";
import { appliedRecords, deployments, holds } from "../records/state";
import { digestOf } from "../release/canonical";
import { selectPinned } from "../release/pinned";
import type { ReleaseId } from "../release/primitives";
import { facets } from "../release/schema/release";
import { sizeWarning } from "../release/size";
import { exitCodes } from "./exit-codes";
import type { ListedRelease, ReleaseListJson, ReleaseShowJson } from "./json/release";
import { coloured } from "./report";
import { Refusal, type VerbResult } from "./result";
import { configBytes, readStack, type FiledStack } from "./stack-file";
import type { Where } from "./stack";
import { counted } from "../release/text";

/** `rewind release list`: the catalogue in order, and what the deployment log says of each release. */
export function listReleases(where: Where): VerbResult<ReleaseListJson> {
  const stack = readStack(where);
  const entries = stack.log.entries();
  const listed = stack.settings.catalogue.map((id) => listedIn(stack, entries, id));
  const width = Math.max(...listed.map(({ release }) => release.length));
  const lines = listed.map(({ release, from, recordDigest, pinned, applied, verified, held }) => {
    const name = release.padEnd(width);
    const state = [
      from.padEnd(7),
      `record ${recordDigest.slice(0, 19)}…`,
      verified !== null ? `verified ${verified}` : applied !== null ? `applied ${applied}` : "",
      held === null ? "" : coloured("red", `on hold: ${held}`),
    ];
    return `${pinned ? "→" : " "} ${pinned ? coloured("bold", name) : name}  ${state.filter((text) => text !== "").join("  ")}`;
  });
  const bytes = configBytes(stack.text);
  const warning = sizeWarning(bytes);
  const last = `${counted(listed.length, "release")}, ${bytes} bytes of configuration${warning === undefined ? "" : `\nWarning: ${warning}`}`;
  return {
    code: exitCodes.ok,
    text: [...lines, last].join("\n"),
    json: { stack: stack.name, bytes, releases: listed },
  };
}

/** `rewind release show <id>`: one release, what it pins, and what became of it. */
export function showRelease(where: Where, id: ReleaseId): VerbResult<ReleaseShowJson> {
  const stack = readStack(where, [id]);
  const record = stack.settings.releases.get(id);
  if (record === undefined) throw new Refusal(`no release ${id} in the catalogue`, "rewind release list");
  const entries = stack.log.entries();
  const listed = listedIn(stack, entries, id);
  const appliedAs = appliedRecords(entries).get(id);
  const changed = appliedAs !== undefined && appliedAs !== listed.recordDigest;
  const history: ReleaseShowJson["history"] = deployments(entries)
    .filter(({ intent }) => intent.to.release === id)
    .map(({ intent, outcome }) => ({ at: intent.at, by: intent.by, result: outcome?.result ?? "interrupted" }));
  const deploys = selectPinned(id, {}, stack.settings.releases).digest;
  const names = facets.flatMap((facet) => Object.keys(record[facet] ?? {}).map((name) => `${facet}/${name}`));
  const file = stack.settings.references.get(id)?.file ?? relative(stack.folder, stack.file);
  const text = [
    coloured("bold", `${id}${record.description === undefined ? "" : `: ${record.description}`}`),
    `Record:   ${listed.recordDigest} (${file})`,
    `Deploys:  ${deploys}`,
    `Pins:     ${names.join(", ")}`,
    ...(record.together ?? []).map((group) => `Together: ${group.join(", ")}`),
    ...(listed.held === null ? [] : [coloured("red", `On hold:  ${listed.held}`)]),
    ...(changed ? [coloured("red", `Changed:  applied as ${appliedAs}; a release is immutable once applied`)] : []),
    ...(history.length === 0 ? ["Applied:  never, as the log says"] : []),
    ...history.slice(-10).map(({ at, by, result }) => `Applied:  ${at} by ${by}: ${result}`),
  ].join("\n");
  const json = { ...listed, file, deploys, record, changed, appliedAs: appliedAs ?? null, history };
  return { code: exitCodes.ok, text, json };
}

function listedIn(stack: FiledStack, entries: readonly Entry[], id: ReleaseId): ListedRelease {
  const { settings } = stack;
  const reference = settings.references.get(id);
  const record = settings.releases.get(id);
  const of = deployments(entries).filter(({ intent }) => intent.to.release === id);
  const from = reference === undefined ? "inline" : settings.archived.has(id) ? "archive" : "file";
  return {
    release: id,
    from,
    recordDigest: reference?.digest ?? digestOf(record ?? {}),
    pinned: settings.release === id,
    applied: of.at(-1)?.intent.at ?? null,
    verified: of.findLast(({ outcome }) => outcome?.result === "passed")?.outcome?.at ?? null,
    held: holds(entries).get(id)?.reason ?? null,
  };
}
