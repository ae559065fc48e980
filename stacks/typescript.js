// The process that runs dynamic providers knows no TypeScript; whoever loads this file does from then on.
require("../typescript.js");
