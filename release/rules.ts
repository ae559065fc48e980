import {
  awsSettingsOfBucketsHold,
  containersHaveHealthchecks,
  ecsCanRunServices,
  functionsAreImageOrBundle,
  lambdaCanRunFunctions,
  runtimesHaveTheirPlace,
} from "./rules/aws";
import { checksAskForWhatIsThere } from "./rules/verification";
import {
  databaseObjectsResolve,
  everybodyIsGrantedNothing,
  functionsAreSafe,
  rolesAreOrdinary,
} from "./rules/database-objects";
import { migrationsHaveAFolder } from "./rules/migrations";
import { functionsAreFoundAgain, migrationsAreNamedPlainly, placesAreApart, workloadsAreHosts } from "./rules/names";
import { environmentHasWhatReleasesName, pinNamesARelease, pinsNameEntries, pinsNameReleases } from "./rules/pins";
import { frontendsHaveOnePointer } from "./rules/frontend";
import { rowsFitTheirTable, tablesHaveTheirColumns } from "./rules/rows";
import {
  routesAreAskedForTheirOwn,
  routesAreToldApart,
  routesLeadSomewhere,
  routesLetAddressesIn,
} from "./rules/routes";
import type { Part, Rule } from "./rules/rule";
import { stampedTablesAreApart } from "./rules/stamped";
import { secretsAreThere } from "./rules/secrets";
import { signaturesNameSomebody, signedImagesArePinned } from "./rules/signatures";
import { pinsKeepTogether, togetherNamesWhatIsThere } from "./rules/together";
import {
  imagesArePinned,
  swarmPortsLeaveRoom,
  workloadsHaveNamesOfTheirOwn,
  volumesHaveAnEngine,
} from "./rules/workloads";
import { canonicalUsersReadBack, everybodyOnlyReads, policiesFit } from "./rules/policy-bounds";
import {
  nobodyIsLockedOut,
  principalsAreKnown,
  productionTriesItsPolicies,
  statementsAreSound,
  statementsCount,
} from "./rules/storage";
import { productionEncryptsItsStore, productionProvesItsDatabase } from "./rules/transport";
import { jobsAreDisabledByToggles, togglesAreKnown } from "./rules/toggles";
import { variablesAreTaken } from "./rules/variables";

/** The cross-field rules, in the order in which their problems are listed. */
export const rules: readonly { readonly rule: Rule; readonly needs: readonly Part[] }[] = [
  { rule: pinNamesARelease, needs: ["release", "releases"] },
  { rule: pinsNameReleases, needs: ["releases"] },
  { rule: pinsNameEntries, needs: [] },
  { rule: togetherNamesWhatIsThere, needs: [] },
  { rule: pinsKeepTogether, needs: ["release", "pins", "releases"] },
  { rule: environmentHasWhatReleasesName, needs: ["environment"] },
  { rule: workloadsHaveNamesOfTheirOwn, needs: ["environment"] },
  { rule: workloadsAreHosts, needs: ["environment"] },
  { rule: placesAreApart, needs: ["environment"] },
  { rule: variablesAreTaken, needs: ["release", "pins", "releases", "environment", "toggles"] },
  { rule: routesLeadSomewhere, needs: ["environment"] },
  { rule: routesAreToldApart, needs: ["environment"] },
  { rule: routesAreAskedForTheirOwn, needs: ["environment"] },
  { rule: routesLetAddressesIn, needs: ["release", "pins", "releases", "environment"] },
  { rule: imagesArePinned, needs: ["environment"] },
  { rule: runtimesHaveTheirPlace, needs: ["environment"] },
  { rule: containersHaveHealthchecks, needs: ["environment"] },
  { rule: functionsAreImageOrBundle, needs: ["environment"] },
  { rule: volumesHaveAnEngine, needs: ["environment"] },
  { rule: swarmPortsLeaveRoom, needs: ["environment"] },
  { rule: ecsCanRunServices, needs: ["environment"] },
  { rule: lambdaCanRunFunctions, needs: ["environment"] },
  { rule: awsSettingsOfBucketsHold, needs: ["environment"] },
  { rule: signaturesNameSomebody, needs: ["environment"] },
  { rule: signedImagesArePinned, needs: ["environment"] },
  { rule: tablesHaveTheirColumns, needs: ["environment"] },
  { rule: rowsFitTheirTable, needs: ["environment"] },
  { rule: stampedTablesAreApart, needs: ["environment"] },
  { rule: rolesAreOrdinary, needs: ["environment"] },
  { rule: databaseObjectsResolve, needs: ["environment"] },
  { rule: everybodyIsGrantedNothing, needs: ["environment"] },
  { rule: functionsAreSafe, needs: ["environment"] },
  { rule: functionsAreFoundAgain, needs: ["environment"] },
  { rule: migrationsAreNamedPlainly, needs: ["environment"] },
  { rule: migrationsHaveAFolder, needs: ["environment"] },
  { rule: principalsAreKnown, needs: ["environment"] },
  { rule: statementsAreSound, needs: ["environment"] },
  { rule: everybodyOnlyReads, needs: ["environment"] },
  { rule: policiesFit, needs: ["environment"] },
  { rule: canonicalUsersReadBack, needs: ["environment"] },
  { rule: statementsCount, needs: ["environment"] },
  { rule: nobodyIsLockedOut, needs: ["environment"] },
  { rule: productionTriesItsPolicies, needs: ["environment"] },
  { rule: productionProvesItsDatabase, needs: ["environment"] },
  { rule: productionEncryptsItsStore, needs: ["environment"] },
  { rule: togglesAreKnown, needs: ["environment", "toggles"] },
  { rule: jobsAreDisabledByToggles, needs: ["environment"] },
  { rule: frontendsHaveOnePointer, needs: ["environment"] },
  { rule: secretsAreThere, needs: ["environment", "secrets"] },
  { rule: checksAskForWhatIsThere, needs: ["release", "pins", "releases", "environment"] },
];
