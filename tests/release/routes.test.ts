import assert from "node:assert/strict";
import fc from "fast-check";
import { clientsLetIn } from "../../release/routes";

describe("the client addresses that a toggle lets in", () => {
  it("are everyone's, when the toggle is missing, on or empty", () => {
    for (const value of [undefined, true, ""]) assert.equal(clientsLetIn(value), undefined);
  });

  it("are nobody's, when it is off", () => {
    assert.deepEqual(clientsLetIn(false), { ok: true, clients: [] });
  });

  it("are the addresses and ranges that it names", () => {
    const clients = ["10.0.0.0/8", "192.168.1.7", "::1", "2001:db8::/32"];
    assert.deepEqual(clientsLetIn(clients.join(", ")), { ok: true, clients });
  });

  for (const value of [
    "everyone",
    "10.0.0.0/33",
    "256.1.1.1",
    "10.0.0.0/8,",
    "10.0.0",
    "::1/129",
    "{file.x}",
    "1:2:3",
    "010.0.0.1",
    ":::",
  ]) {
    it(`are not guessed from "${value}"`, () => {
      assert.deepEqual(clientsLetIn(value), { ok: false, got: value });
    });
  }

  it("are never made of anything but digits, colons, dots and slashes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const found = clientsLetIn(text);
        if (found?.ok === true) for (const each of found.clients) assert.match(each, /^[0-9A-Fa-f:./]+$/);
      }),
    );
  });
});
