#!/usr/bin/env node
// The SDK warns that releases of 2027 will want a newer Node; the one that is pinned does not.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
// The program is TypeScript that runs as it stands.
require("../typescript.js");
require("./main.ts");
