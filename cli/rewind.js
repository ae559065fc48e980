#!/usr/bin/env node
// The program is TypeScript that runs as it stands; sucrase transpiles it while it loads.
require("sucrase/register/ts");
require("./main.ts");
