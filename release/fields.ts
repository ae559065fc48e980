/** An object of JSON or YAML. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is an object, and no list. */
export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The fields of a value; none where it is no object. */
export const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {});

/** A field that the object itself has, and not what every object inherits. */
export const own = (object: Fields, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);
