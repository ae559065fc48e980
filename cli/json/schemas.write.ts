import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { schemaFiles } from "./verbs";

// `npm run schema`: writes what programs that read `--json` go by. A test holds the files against the schemas.
const folder = join(__dirname, "..", "..", "docs", "json");
mkdirSync(folder, { recursive: true });
const files = schemaFiles();
for (const name of readdirSync(folder))
  if (name.endsWith(".schema.json") && !files.has(name)) rmSync(join(folder, name));
for (const [name, text] of files) writeFileSync(join(folder, name), text);
