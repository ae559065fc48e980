import assert from "node:assert/strict";
import { writeOrRefuse } from "../../cli/disk";
import { Refusal } from "../../cli/result";

const failing = (code: string) => (): never => {
  throw Object.assign(new Error("the system says no"), { code });
};

describe("writing where the system does not let one", () => {
  for (const [code, reason, next] of [
    ["ENOSPC", /no space is left there/, /^df -h \/records; older backups/],
    ["EDQUOT", /the quota is used up/, /^df -h \/records; older backups/],
    ["EROFS", /it is read-only/, /^ls -ld \/records$/],
    ["EACCES", /this user may not write there/, /^ls -ld \/records$/],
  ] as const) {
    it(`is refused with the folder, the reason and what helps: ${code}`, () => {
      assert.throws(
        () => writeOrRefuse("/records", failing(code)),
        (error: unknown) => {
          assert.ok(error instanceof Refusal);
          assert.match(error.message, /^cannot write in \/records: /);
          assert.match(error.message, reason);
          assert.match(error.next, next);
          return true;
        },
      );
    });
  }

  it("is no refusal where something else is wrong, and nothing where nothing is", () => {
    assert.throws(() => writeOrRefuse("/records", failing("EIO")), /^Error: the system says no$/);
    assert.equal(
      writeOrRefuse("/records", () => 3),
      3,
    );
  });
});
