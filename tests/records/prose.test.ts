import assert from "node:assert/strict";
import { withoutSecrets } from "../../records/prose";

const redact = (text: string): string => text.replaceAll("hunter2", "[secret]");

describe("what is written without the values of secrets", () => {
  it("has them taken out of reasons, evidence and notes, however deep those stand, and of nothing else", () => {
    const said = {
      id: "hunter2",
      reason: "is hunter2",
      note: ["hunter2", { text: "hunter2", evidence: "hunter2 and hunter2" }],
      checks: [{ name: "hunter2", evidence: "hunter2", attempts: 2, passed: true, milliseconds: null }],
    };
    assert.deepEqual(withoutSecrets(said, redact), {
      id: "hunter2",
      reason: "is [secret]",
      note: ["[secret]", { text: "hunter2", evidence: "[secret] and [secret]" }],
      checks: [{ name: "hunter2", evidence: "[secret]", attempts: 2, passed: true, milliseconds: null }],
    });
    for (const value of ["hunter2", 7, null, true, undefined]) assert.equal(withoutSecrets(value, redact), value);
  });
});
