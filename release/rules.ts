import {
  awsSettingsOfBucketsHold,
  containersHaveHealthchecks,
  ecsCanRunServices,
  functionsAreImageOrBundle,
  lambdaCanRunFunctions,
  runtimesHaveTheirPlace,
} from "./rules/aws";
import { checksAskForWhatIsThere } from "./rules/verification";
import { environmentHasWhatReleasesName, pinNamesARelease, pinsNameEntries, pinsNameReleases } from "./rules/pins";
import { rowsFitTheirTable, tablesHaveTheirColumns } from "./rules/rows";
import type { Part, Rule } from "./rules/rule";
import { secretsAreThere } from "./rules/secrets";
import {
  everybodyOnlyReads,
  nobodyIsLockedOut,
  principalsAreKnown,
  statementsAreSound,
  statementsCount,
} from "./rules/storage";
import { jobsAreDisabledByToggles, togglesAreKnown } from "./rules/toggles";
import { imagesArePinned, workloadsHaveNamesOfTheirOwn } from "./rules/workloads";

/** The cross-field rules, in the order in which their problems are listed. */
export const rules: readonly { readonly rule: Rule; readonly needs: readonly Part[] }[] = [
  { rule: pinNamesARelease, needs: ["release", "releases"] },
  { rule: pinsNameReleases, needs: ["releases"] },
  { rule: pinsNameEntries, needs: [] },
  { rule: environmentHasWhatReleasesName, needs: ["environment"] },
  { rule: workloadsHaveNamesOfTheirOwn, needs: ["environment"] },
  { rule: imagesArePinned, needs: ["environment"] },
  { rule: runtimesHaveTheirPlace, needs: ["environment"] },
  { rule: containersHaveHealthchecks, needs: ["environment"] },
  { rule: functionsAreImageOrBundle, needs: ["environment"] },
  { rule: ecsCanRunServices, needs: ["environment"] },
  { rule: lambdaCanRunFunctions, needs: ["environment"] },
  { rule: awsSettingsOfBucketsHold, needs: ["environment"] },
  { rule: tablesHaveTheirColumns, needs: ["environment"] },
  { rule: rowsFitTheirTable, needs: ["environment"] },
  { rule: principalsAreKnown, needs: ["environment"] },
  { rule: statementsAreSound, needs: ["environment"] },
  { rule: everybodyOnlyReads, needs: ["environment"] },
  { rule: statementsCount, needs: ["environment"] },
  { rule: nobodyIsLockedOut, needs: ["environment"] },
  { rule: togglesAreKnown, needs: ["environment", "toggles"] },
  { rule: jobsAreDisabledByToggles, needs: ["environment"] },
  { rule: secretsAreThere, needs: ["environment", "secrets"] },
  { rule: checksAskForWhatIsThere, needs: ["release", "pins", "releases", "environment"] },
];
