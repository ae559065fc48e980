#!/usr/bin/env node
// The program is TypeScript that runs as it stands.
require("../../typescript.js");
require("./main.ts");
