import assert from "node:assert/strict";
import fc from "fast-check";
import { engineBytes, engineLimit, nearLimit, sizeWarning } from "../../release/size";

describe("the size of a configuration", () => {
  it("is that of the environment variable in which the engine's host hands it over", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (config) => {
        const texts = Object.entries(config).map(([key, value]) => [
          key,
          typeof value === "string" ? value : JSON.stringify(value),
        ]);
        const variable = `PULUMI_CONFIG=${JSON.stringify(Object.fromEntries(texts))}`;
        assert.equal(engineBytes(config), Buffer.byteLength(variable) + 1);
      }),
    );
  });

  it("is warned of before it is too large", () => {
    assert.equal(sizeWarning(nearLimit - 1), undefined);
    assert.match(sizeWarning(nearLimit) ?? "", /of the 131072 bytes .* rewind release archive/);
    assert.ok(nearLimit < engineLimit);
  });
});
