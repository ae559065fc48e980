// A thread that begins knows no TypeScript.
require("../../typescript.js");
require("./answer.ts");
