"use strict";
/*
 * What ./typescript.js does, for runs whose coverage is measured: with source maps, or branches would be told of the wrong
 * places, and with the operators as they are written, or the right side of `??` would be a function and no branch.
 */
const { addHook } = require("pirates");
const { transform } = require("sucrase");

function transpiled(text, path) {
  const { code, sourceMap } = transform(text, {
    transforms: ["imports", "typescript"],
    disableESTransforms: true,
    filePath: path,
    sourceMapOptions: { compiledFilename: path },
  });
  const map = Buffer.from(JSON.stringify(sourceMap)).toString("base64");
  return `${code}\n//# sourceMappingURL=data:application/json;base64,${map}`;
}

addHook(transpiled, { exts: [".ts"] });

process.setSourceMapsEnabled(true);
// Processes that a test starts load ./typescript.js, and would tell of the wrong places.
delete process.env.NODE_V8_COVERAGE;
