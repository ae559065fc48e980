import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { Client } from "pg";
import { sslFor } from "../../checks/tls";

describe("the connection to a managed PostgreSQL", () => {
  let folder: string;
  let server: Server;
  const file = (name: string) => join(folder, name);

  /** A server that agrees to TLS, shows a certificate of its own authority, and then has nothing more to say. */
  before(function () {
    folder = mkdtempSync(join(tmpdir(), "rewind-tls-"));
    const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    try {
      execFileSync("openssl", [...words, ...names, "-keyout", file("key"), "-out", file("ca")], { stdio: "ignore" });
    } catch {
      this.skip();
    }
    server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => {
        socket.write("S");
        const secure = new TLSSocket(socket, {
          isServer: true,
          key: readFileSync(file("key")),
          cert: readFileSync(file("ca")),
        });
        secure.on("error", () => undefined);
        secure.once("data", () => {
          // An ErrorResponse: severity, code, message.
          const fields = Buffer.from("SFATAL\0C28000\0Mnobody is let in here\0\0");
          const length = Buffer.alloc(4);
          length.writeInt32BE(fields.length + 4);
          secure.end(Buffer.concat([Buffer.from("E"), length, fields]));
        });
      });
    }).listen(0, "127.0.0.1");
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const connect = async (host: string, authorities: string | undefined): Promise<string> => {
    const { port } = server.address() as AddressInfo;
    const client = new Client({ host, port, user: "rewind", password: "x", ssl: sslFor("verify-full", authorities) });
    client.on("error", () => undefined);
    return await client.connect().then(
      () => "connected",
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  };

  it("believes the authority that PGSSLROOTCERT names, and gets as far as the server lets it", async () => {
    assert.equal(await connect("localhost", file("ca")), "nobody is let in here");
  });

  it("believes nobody else, and no other name", async () => {
    assert.match(await connect("localhost", undefined), /self-signed certificate/);
    assert.match(await connect("127.0.0.1", file("ca")), /does not match certificate's altnames/);
  });

  it("says which file is not there", () => {
    assert.throws(() => sslFor("verify-full", join(folder, "other")), /no such file or directory/);
  });

  it("needs no authority where it only encrypts, or does not even that", () => {
    assert.deepEqual(sslFor("require", file("ca")), { rejectUnauthorized: false });
    assert.equal(sslFor("disable", file("ca")), false);
    assert.equal(sslFor(undefined, file("ca")), false);
  });
});
