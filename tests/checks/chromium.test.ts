import assert from "node:assert/strict";
import { findChromium } from "../../checks/chromium";

const none = () => "/nowhere/chrome";

describe("the browser for checks", () => {
  it("is the one that REWIND_CHROMIUM names, and nothing else when that is no program", () => {
    assert.equal(findChromium(none, { REWIND_CHROMIUM: process.execPath }), process.execPath);
    assert.throws(() => findChromium(none, { REWIND_CHROMIUM: "/nowhere" }), /REWIND_CHROMIUM names \/nowhere/);
  });

  it("is playwright's own where the usual places have none", () => {
    assert.equal(
      findChromium(() => process.execPath, {}, "win32"),
      process.execPath,
    );
  });

  it("W2 · is asked for with the command that installs it", () => {
    assert.throws(
      () => findChromium(none, {}, "win32"),
      /there is no Chromium here; type: npx --no playwright-core install chromium/,
    );
  });
});
