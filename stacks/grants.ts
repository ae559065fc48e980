import * as postgresql from "@pulumi/postgresql";
import type * as pulumi from "@pulumi/pulumi";
import { logicalName } from "../release/logical-names";
import type { Grant } from "../release/schema/database-objects";

/** What a role may do on one object: the database itself, a schema, a table or a sequence. */
export interface Right {
  readonly role: string;
  readonly objectType: Grant["objectType"];
  /** Where the object is; of a schema its own name, of the database none. */
  readonly schema?: string;
  /** The name of a table or sequence. */
  readonly object?: string;
  readonly privileges: readonly string[];
}

/** The rights that an environment declares, object by object. */
export const rightsIn = (grants: Readonly<Record<string, Grant>>): Right[] =>
  Object.values(grants).flatMap((grant): Right[] => {
    const { role, objectType, privileges } = grant;
    if (grant.objectType === "database") return [{ role, objectType, privileges }];
    const { schema } = grant;
    return grant.objectType === "schema"
      ? [{ role, objectType, schema, privileges }]
      : grant.objects.map((object) => ({ role, objectType, schema, object, privileges }));
  });

/**
 * Rights by the engine's name of the resource that grants them: one for a role and an object, with all that was said of
 * the two. The vendor's plugin revokes everything that a role has on the objects of a `Grant` before it grants, and again
 * when the `Grant` goes: of two that meet in an object, one would take away what the other gave. It also deletes a `Grant`
 * first when its list of objects changes, so each has a single one.
 */
export function rightsByName(rights: readonly Right[]): ReadonlyMap<string, Right> {
  const byName = new Map<string, Right>();
  for (const right of rights) {
    const { role, objectType, schema, object } = right;
    const place = [schema, object].filter((part) => part !== undefined);
    const name = logicalName("grant", role, objectType, ...place);
    const privileges = [...new Set([...(byName.get(name)?.privileges ?? []), ...right.privileges])].sort();
    byName.set(name, { ...right, privileges });
  }
  return byName;
}

/** The resource that grants rights on one object. */
export function declareRight(
  name: string,
  { role, objectType, schema, object, privileges }: Right,
  database: postgresql.Database,
  opts: pulumi.CustomResourceOptions,
): postgresql.Grant {
  return new postgresql.Grant(
    name,
    {
      database: database.name,
      role,
      objectType,
      ...(schema === undefined ? {} : { schema }),
      ...(object === undefined ? {} : { objects: [object] }),
      privileges: [...privileges],
    },
    opts,
  );
}
