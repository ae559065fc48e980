import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { lastVerified } from "../../records/state";
import { Repository } from "../fixtures/referrers";
import { identity, issuer, sha256, signingSetUp, type Signing } from "../fixtures/signing";
import { fixtureFor, scratch, stackFileOf, type Fixture } from "./fixture";
import { checkout } from "./local-home";
import { patientUp } from "./patient";

/** In the project, and gone with the test's environment. */
const folder = `${scratch}/signing`;

describe("a stack that demands signed images", function () {
  let stack: Fixture;
  let signing: Signing;
  let repository: Repository;
  let digests: Record<string, string>;

  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    signing = await signingSetUp();
    repository = new Repository(stack.environment.registry.address, "scoring");
    digests = digestsOf(stack);
    mkdirSync(join(checkout, folder), { recursive: true });
    writeFileSync(join(checkout, folder, "trusted_root.json"), signing.root);
    demand({ trustedRoot: { file: `${folder}/trusted_root.json`, digest: sha256(signing.root) } });
  });

  after(() => {
    // A machine that lacks a part has skipped everything.
    if ((stack as Fixture | undefined) === undefined) return;
    demand(undefined);
    rmSync(join(checkout, folder), { recursive: true, force: true });
  });

  /** Sets what the stack demands, as an editor would. */
  function demand(signatures: object | undefined): void {
    const document = parseDocument(readFileSync(stack.stackFile, "utf8"));
    const path = ["config", "rewind:environment", "signatures"];
    if (signatures === undefined) document.deleteIn(path);
    else document.setIn(path, { ...signatures, identities: [{ issuer, identity }] });
    writeFileSync(stack.stackFile, document.toString({ lineWidth: 0 }));
  }

  async function signed(release: string, by: Signing = signing): Promise<string> {
    return JSON.stringify(await by.bundle({ digest: digests[release] ?? "" }));
  }

  /** Preview and up both say no, for this reason, and nothing was touched. */
  async function refused(reason: RegExp): Promise<void> {
    const before = { containers: await stack.containers(), entries: stack.log().length };
    for (const command of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const { code, output } = await stack.pulumi(command);
      assert.notEqual(code, 0, output);
      assert.match(output, /Refused before the first change; nothing was touched\./);
      assert.match(output, reason);
    }
    assert.deepEqual({ containers: await stack.containers(), entries: stack.log().length }, before);
  }

  it("runs nothing that nobody has signed", async () => {
    await refused(/signature .*scoring@sha256:.*: not signed by https:\/\/github\.com\/acme.*: no signature found/);
    assert.deepEqual(await stack.containers(), {});
  });

  it("runs an image whose bundle lies beside it in the registry, as cosign puts it there", async () => {
    await repository.attach(digests["v1.2.1"] ?? "", [await signed("v1.2.1")]);
    await patientUp(stack);
    assert.equal(lastVerified(stack.log())?.intent.to.release, "v1.2.1");
    const told = await stack.rewind("signatures");
    assert.equal(told.code, 0, told.output);
    assert.match(told.stdout, /✓ passed signature .*scoring@sha256:.* signed by https:\/\/github\.com\/acme\/scoring/);
  });

  it("refuses another release whose image bears the first one's signature, or a stranger's", async () => {
    stack.pin("v1.2.0");
    await repository.attach(digests["v1.2.0"] ?? "", [await signed("v1.2.1")]);
    await refused(/signs another image, "sha256:/);
    assert.equal((await stack.rewind("signatures")).code, 11);
    const stranger = await signingSetUp();
    await repository.attach(digests["v1.2.0"] ?? "", [await signed("v1.2.0", stranger)]);
    await refused(/an entry in a log that the trusted root does not know/);
  });

  it("refuses a trusted root that was swapped, whoever signed", async () => {
    await repository.attach(digests["v1.2.0"] ?? "", [await signed("v1.2.0")]);
    const stranger = await signingSetUp();
    writeFileSync(join(checkout, folder, "trusted_root.json"), stranger.root);
    await refused(/trusted_root\.json has sha256:.* it is not the file that the stack pins/);
    writeFileSync(join(checkout, folder, "trusted_root.json"), signing.root);
  });

  it("rolls back to a release whose image is signed, among bundles that are not", async () => {
    const bad = await signed("v1.2.1");
    await repository.attach(digests["v1.2.0"] ?? "", [bad, await signed("v1.2.0")]);
    await patientUp(stack);
    assert.equal(lastVerified(stack.log())?.intent.to.release, "v1.2.0");
  });

  it("needs no registry for bundles of the project, and refuses again when they are gone", async () => {
    stack.pin("v1.2.1");
    await repository.attach(digests["v1.2.1"] ?? "", []);
    await refused(/no signature found/);
    const own = join(checkout, folder, `${digests["v1.2.1"]?.replace("sha256:", "")}.sigstore.json`);
    writeFileSync(own, await signed("v1.2.1"));
    demand({ trustedRoot: { file: `${folder}/trusted_root.json`, digest: sha256(signing.root) }, bundles: folder });
    await patientUp(stack);
    assert.equal(lastVerified(stack.log())?.intent.to.release, "v1.2.1");
  });
});

/** The digest of each release's one image. */
function digestsOf(stack: Fixture): Record<string, string> {
  const releases = stackFileOf(stack).config["rewind:releases"] as Record<
    string,
    { services?: { api: { image: string } } }
  >;
  return Object.fromEntries(
    Object.entries(releases).flatMap(([id, { services }]) =>
      services === undefined ? [] : [[id, services.api.image.split("@")[1] ?? ""]],
    ),
  );
}
