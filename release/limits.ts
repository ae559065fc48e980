/**
 * How large the files of a project may be: one number each, for the reader of YAML, for the schema and for what is edited.
 * Past them a file is refused with its line, the limit and the value.
 */
export const limits = {
  /** Bytes of a stack file, a project file or a release's file. */
  fileBytes: 8 * 1024 * 1024,
  /** Bytes of all the files that a pull request brings along: rows, releases, migrations. */
  broughtBytes: 256 * 1024 * 1024,
  /** How many files that may be. */
  broughtFiles: 10_000,
  /** Bytes of a migration: seeds of some megabytes are ordinary, and what is larger is data. */
  migrationBytes: 16 * 1024 * 1024,
  /** Values in a stack file, those of an alias counted each time that it is used: a thousand releases are a catalogue. */
  values: 250_000,
  /** Values in a release's file, and in all keys of a stack file but the catalogue. */
  documentValues: 50_000,
  /** Levels below a key of Rewind or in a release's file, and of aliases within aliases. */
  depth: 32,
  /** Characters of a text. */
  text: 128 * 1024,
  /** Characters of a key. */
  key: 256,
} as const;

/** What is said of a place that lies deeper than that. */
export const tooDeep = `nested deeper than ${limits.depth} levels`;

/** What is said of more values than that. */
export const tooManyValues = (most: number): string => `more than ${most} values in one file`;
