import type { Session } from "./session";
import { textOf, type Bag, type Value } from "../schema";

const catalogues = {
  database: "SELECT 1 FROM pg_database WHERE datname = $1",
  role: "SELECT 1 FROM pg_roles WHERE rolname = $1",
  schema: "SELECT 1 FROM pg_namespace WHERE nspname = $1",
} as const;

/** Whether the server knows a database, role or schema of that name; schemas are those of the session's database. */
export async function exists(session: Session, kind: keyof typeof catalogues, name: string): Promise<boolean> {
  return (await session.run(catalogues[kind], [name])).length > 0;
}

/** The role as the receiver of a grant; `public` is everybody and no role. */
export function grantee(session: Session, role: string): string {
  return isPublic(role) ? "PUBLIC" : session.name(role);
}

/** Whether `role` means everybody. */
export function isPublic(role: string): boolean {
  return role.toLowerCase() === "public";
}

const relation = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"];
const allowed = new Map<string, readonly string[]>(
  Object.entries({
    database: ["CREATE", "CONNECT", "TEMPORARY", "TEMP"],
    schema: ["CREATE", "USAGE"],
    table: relation,
    sequence: ["USAGE", "SELECT", "UPDATE"],
    function: ["EXECUTE"],
    routine: ["EXECUTE"],
    type: ["USAGE"],
  }),
);

/**
 * The privileges that a resource asks for, as statements take them. They are keywords and cannot be quoted, so nothing
 * but the keywords of the object type passes; the error lists them.
 */
export function privilegesOf(bag: Bag): string[] {
  const objectType = textOf(bag.objectType);
  const known = ["ALL", ...(allowed.get(objectType) ?? [])];
  const asked = list(bag.privileges);
  const wrong = asked.find((privilege) => !known.includes(privilege));
  if (wrong !== undefined) {
    throw new Error(
      `privileges on a ${objectType}: expected some of ${known.join(", ")}, got ${JSON.stringify(wrong)}`,
    );
  }
  return asked.map((privilege) => (privilege === "ALL" ? "ALL PRIVILEGES" : privilege));
}

/** A list of names out of a property; a missing one is empty. */
export function list(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** `privileges` as they stand in the catalogue, or `ALL` again when that was asked for and all of them are there. */
export function asAsked(objectType: string, privileges: string[], asked: Value | undefined): string[] {
  const all = (allowed.get(objectType) ?? []).filter((name) => name !== "TEMP" && name !== "MAINTAIN");
  const complete = list(asked).includes("ALL") && all.every((name) => privileges.includes(name));
  return complete ? ["ALL"] : privileges;
}
