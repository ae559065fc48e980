import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stackFileSchema } from "./json-schema";

// `npm run schema`: writes what editors read. A test holds the file against the schema.
writeFileSync(join(__dirname, "stack-file.schema.json"), `${JSON.stringify(stackFileSchema(), null, 2)}\n`);
