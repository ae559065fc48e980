import * as path from "node:path";
import { z } from "zod";
import type { Available, LocalEnvironment } from "./environment";
import { pluginNames } from "./parts/plugins";
import { type PartName, sources } from "./source";
import { readJson, writeJson } from "./state";

const source = z.enum(sources);
const text = z.string().min(1);
const port = z.int().min(1).max(65_535);
const keys = z.strictObject({ accessKey: text, secretKey: text });

const entries = {
  pulumi: z.strictObject({ bin: text, home: text, backend: text, passphraseFile: text, version: text, source }),
  plugins: z.array(z.strictObject({ name: z.enum(pluginNames), version: text, source })),
  docker: z.strictObject({ host: text, gateway: text, version: text, source }),
  registry: z.strictObject({ address: text, source }),
  postgres: z.strictObject({
    ...{ host: text, port, user: text, password: text, version: text, source },
    recovery: z.strictObject({ archive: text, baseBackups: text, programs: text }).optional(),
  }),
  objectStore: z.strictObject({
    endpoint: text,
    containerEndpoint: text,
    region: text,
    ...keys.shape,
    application: keys,
    foreign: keys,
    source,
  }),
  redis: z.strictObject({ host: text, port, password: text, source }),
  proxy: z.strictObject({ admin: text, url: text, source }),
} satisfies { [Name in PartName]: z.ZodType<LocalEnvironment[Name]> };

const schema = z.strictObject({ id: z.string().regex(/^[0-9a-f]{6}$/), folder: text, ...entries });

/** What a part's record says of it, or nothing when an older version of Rewind, or nobody, wrote it. */
export function readEntry<Name extends PartName>(name: Name, file: string): LocalEnvironment[Name] | undefined {
  const read = entries[name].safeParse(readJson(file));
  return read.success ? (read.data as LocalEnvironment[Name]) : undefined;
}

function fileIn(folder: string): string {
  return path.join(folder, "environment.json");
}

/** Records what runs, for whoever comes later; only its owner may read it, because it holds the passwords. */
export function writeEnvironment(folder: string, environment: Available["environment"]): void {
  writeJson(fileIn(folder), environment);
}

/**
 * The environment that `up` recorded in this state folder, or nothing when none is up, when it is not the whole one,
 * or when the file is damaged: `up` writes it anew.
 */
export function readEnvironment(folder: string): LocalEnvironment | undefined {
  const read = schema.safeParse(readJson(fileIn(folder)));
  return read.success ? read.data : undefined;
}
