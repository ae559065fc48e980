import { isOfDatabase, isSecurity } from "./assessment";
import type { Area } from "./schema/common";
import type { CheckDefinition } from "./schema/verification";
import type { Check } from "./verdict";

/** The checklist that a check belongs to. */
export function areaOf(check: Pick<Check, "name" | "trigger">, definition: CheckDefinition | undefined): Area {
  if (definition?.area !== undefined) return definition.area;
  if (isOfDatabase(check.name, definition)) return "data";
  if (isSecurity(check, definition)) return "authentication";
  if (definition?.kind === "http" && definition.expect.within !== undefined) return "performance";
  const isFeature =
    definition === undefined ? check.name.startsWith("served frontend/") : featureKinds.has(definition.kind);
  return isFeature ? "features" : "health";
}

/** Kinds that do what a person does. */
const featureKinds: ReadonlySet<CheckDefinition["kind"]> = new Set(["journey", "browser"]);
