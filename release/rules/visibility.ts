import { quote } from "../primitives";
import type { Problem } from "../problems";
import type { Environment } from "../schema/environment";
import type { Visibility } from "../schema/visibility";
import { rolesOf } from "./database-objects";
import { listed, problem } from "./rule";

/** What is wrong with a check of what viewers see: a role that is not there, or one that no policy holds for. */
export function visibilityProblems(
  { database }: Environment,
  { viewers }: Visibility,
  at: readonly PropertyKey[],
): Problem[] {
  if (database === undefined) return [problem(at, "the environment has no database")];
  const known = rolesOf(database);
  const hidden = viewers.some(({ sees }) => sees === "nothing");
  const shown = viewers.some(({ sees }) => typeof sees === "object");
  const vacuous =
    hidden && !shown
      ? [problem([...at, "viewers"], "expected a viewer who sees something: an empty table would pass otherwise")]
      : [];
  const strangers = viewers.flatMap(({ as: { role } }, index) => {
    const place = [...at, "viewers", index, "as", "role"];
    if (role === database.administrator.user) {
      return [problem(place, `${role} is the administrator, who sees everything whatever the policies say`)];
    }
    return known.includes(role)
      ? []
      : [problem(place, `no role ${quote(role)} in the environment's database; it has ${listed(known)}`)];
  });
  return [...vacuous, ...strangers];
}
