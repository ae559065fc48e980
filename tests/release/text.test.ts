import assert from "node:assert/strict";
import { counted } from "../../release/text";

describe("how many there are of a thing", () => {
  it("is said in the singular for one, and in the plural for any other number", () => {
    assert.deepEqual(
      [0, 1, 2].map((count) => counted(count, "row")),
      ["0 rows", "1 row", "2 rows"],
    );
    assert.deepEqual([counted(1, "entry"), counted(3n, "entry")], ["1 entry", "3 entries"]);
  });
});
