#!/usr/bin/env node
// The program is TypeScript that runs as it stands; tsx transpiles it while it loads.
require("tsx/cjs");
require("./main.ts");
