import { runProbes } from "../checks/probe";
import { signedImageProbes } from "../checks/signed-images";
import { timingBefore } from "../checks/before";
import { projectFiles } from "../records/project-file";
import { pinnedImages } from "../release/images";
import { judge } from "../release/verdict";
import { exitCodeOf, exitCodes } from "./exit-codes";
import type { SignaturesJson } from "./json/rollback";
import { checkLines } from "./report";
import type { VerbResult } from "./result";
import { open, withClients, type Where } from "./stack";

/** `rewind signatures`: who signed each pinned image, and what is wrong where nobody did. Nothing is changed. */
export async function signatures(where: Where): Promise<VerbResult<SignaturesJson>> {
  const stack = await open(where);
  const { settings, folder, engine } = stack;
  const { environment, pinned } = settings;
  const images = pinnedImages(pinned.facets, environment.registry);
  const head = `Stack ${engine.name}, release ${pinned.release}`;
  if (environment.signatures === undefined) {
    const next = "Next: pin a trusted root and name identities under rewind:environment.signatures.";
    return {
      code: exitCodes.inconclusive,
      text: `${head}: no signatures are demanded of its ${images.length} images\n${next}`,
      json: { stack: engine.name, release: pinned.release, demanded: false, images },
    };
  }
  const checks = await withClients(stack, (clients, redact) =>
    runProbes(signedImageProbes(settings, clients, projectFiles(folder)), timingBefore, redact),
  );
  const verdict = judge(checks);
  return {
    code: exitCodeOf[verdict.result],
    text: [head, ...checkLines(verdict.checks)].join("\n"),
    json: { stack: engine.name, release: pinned.release, demanded: true, ...verdict },
  };
}
