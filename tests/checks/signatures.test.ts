import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { measureSignatures, type FoundBundle } from "../../checks/signatures";
import { readTrust, type Trust } from "../../checks/trust";
import type { ProjectFiles } from "../../release/project-files";
import type { Signatures } from "../../release/schema/signatures";
import { badSignatures, image, type Given } from "../fixtures/bad-signatures";
import {
  identity,
  issuer,
  sha256,
  signingSetUp,
  type BundleJson,
  type RootJson,
  type Signing,
} from "../fixtures/signing";

const named = (json: BundleJson | string, artifact?: Buffer): FoundBundle => ({
  name: "b",
  text: typeof json === "string" ? json : JSON.stringify(json),
  artifact,
});

/** Files of a project that stand in memory. */
const filesOf = (files: Readonly<Record<string, string>>): ProjectFiles => ({
  locate: (path) => path,
  list: () => [],
  read: (path) => Buffer.from(files[path] ?? assert.fail(`no file ${path}`)),
});

describe("signatures of images", () => {
  let signing: Signing;
  let stranger: Signing;
  let given: Given;
  before(async () => {
    [signing, stranger] = await Promise.all([signingSetUp(), signingSetUp()]);
    given = { signing, stranger, good: () => signing.bundle({ digest: image }) };
  });

  /** What a stack demands, read from its files. */
  const trusting = (
    demanded: Partial<Omit<Signatures, "trustedRoot">> = { identities: [{ issuer, identity }] },
    files: Readonly<Record<string, string>> = {},
  ): Trust =>
    readTrust(
      { trustedRoot: { file: "root.json", digest: sha256(signing.root) }, ...demanded },
      filesOf({ "root.json": signing.root, ...files }),
    );
  const newKey = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pemOf = (key: ReturnType<typeof newKey>) => key.publicKey.export({ format: "pem", type: "spki" }).toString();

  describe("that pass", () => {
    const passes = (found: readonly FoundBundle[], trust = trusting()): string => {
      const { result, evidence } = measureSignatures(found, image, trust);
      assert.equal(result, "passed", evidence);
      return evidence;
    };

    it("are bundles as cosign writes them, and name who signed", async () => {
      assert.equal(passes([named(await given.good())]), `signed by ${identity} (issuer ${issuer})`);
    });

    it("are bundles with a time from the log alone, and from the authority alone", async () => {
      passes([named(await signing.bundle({ digest: image, without: ["timestamp"] }))]);
      passes([named(await signing.bundle({ digest: image, without: ["promise"] }))]);
    });

    it("are bundles of the versions 0.1 and 0.2 with the signer's certificate as their chain", async () => {
      for (const version of ["0.1", "0.2"]) {
        const bundle = await given.good();
        const { certificate } = bundle.verificationMaterial;
        bundle.mediaType = `application/vnd.dev.sigstore.bundle+json;version=${version}`;
        bundle.verificationMaterial.x509CertificateChain = { certificates: [certificate] };
        Reflect.deleteProperty(bundle.verificationMaterial, "certificate");
        passes([named(bundle)]);
      }
    });

    it("are message signatures over a payload that names the image", async () => {
      const critical = {
        identity: { "docker-reference": "registry.example.com/scoring" },
        image: { "docker-manifest-digest": image },
        type: "cosign container image signature",
      };
      const payload = Buffer.from(JSON.stringify({ critical, optional: null }));
      passes([named(await signing.bundle({ digest: image, message: payload }), payload)]);
    });

    it("are message signatures over the image's manifest itself", async () => {
      const manifest = Buffer.from("the image");
      assert.equal(sha256(manifest), image);
      passes([named(await signing.bundle({ digest: image, message: manifest }), manifest)]);
    });

    it("stand among others that do not", async () => {
      const other = await stranger.bundle({ digest: image });
      passes([named("{"), named(other), named(await given.good())]);
    });

    it("match a pattern from its first letter to its last", async () => {
      const pattern = (text: string) => trusting({ identities: [{ issuer, identity: { pattern: text } }] });
      const tagged = "https://github.com/acme/scoring/.github/workflows/release.yml@refs/tags/*";
      passes([named(await given.good())], pattern(tagged));
      for (const wrong of [
        "https://github.com/acme/scoring/*",
        tagged.replace("acme", "acm"),
        tagged.replace("*", "v*.1"),
        tagged.replace(".github/workflows", "*"),
        tagged.replace("github.com", "githubXcom"),
      ]) {
        assert.equal(measureSignatures([named(await given.good())], image, pattern(wrong)).result, "failed", wrong);
      }
    });

    it("are by every identity that is demanded", async () => {
      const second = "release@acme.example";
      const both = trusting({
        identities: [
          { issuer, identity },
          { issuer, identity: second },
        ],
      });
      const mail = named(await signing.bundle({ digest: image, identity: second }));
      const first = named(await given.good());
      const { result, evidence } = measureSignatures([first], image, both);
      assert.equal(result, "failed");
      assert.match(evidence, /^not signed by release@acme\.example \(issuer /);
      passes([first, mail], both);
    });

    it("are by a demanded key, logged and timed like any other", async () => {
      const key = newKey();
      const demanded = { keys: [{ name: "release", file: "release.pub", digest: sha256(pemOf(key)) }] };
      const trust = trusting(demanded, { "release.pub": pemOf(key) });
      const evidence = passes([named(await signing.bundle({ digest: image, key }))], trust);
      assert.equal(evidence, "signed by the key release");
      for (const [bad, reason] of [
        [await signing.bundle({ digest: image, key: newKey() }), /signature verification failed/],
        [await given.good(), /^not signed by the key release: signed by https/],
        [await signing.bundle({ digest: sha256("x"), key }), /signs another image/],
        [await signing.bundle({ digest: image, key, without: ["log"] }), /entries in 0 transparency logs/],
      ] as const) {
        const measured = measureSignatures([named(bad)], image, trust);
        assert.equal(measured.result, "failed");
        assert.match(measured.evidence, reason);
      }
    });
  });

  describe(`that are bad, in ${badSignatures.length} kinds, are refused`, () => {
    for (const { what, make, reason } of badSignatures) {
      it(what, async () => {
        const bad = await make(given);
        const found = typeof bad === "string" ? named(bad) : named(bad.json, bad.artifact);
        const started = performance.now();
        const { result, evidence } = measureSignatures([found], image, trusting());
        assert.equal(result, "failed", evidence);
        assert.match(evidence, reason);
        assert.match(evidence, /^not signed by https:\/\/github\.com\/acme.*: ./);
        assert.ok(!/[^\x20-\x7e\u2026\u2014]/.test(evidence), evidence);
        assert.ok(performance.now() - started < 2_000, "a bad bundle must not hold up the gate");
      });
    }
  });

  it("are refused when there is none", () => {
    const { result, evidence } = measureSignatures([], image, trusting());
    assert.equal(result, "failed");
    assert.match(evidence, /: no signature found$/);
  });

  it("never pass when nobody is demanded", async () => {
    assert.equal(measureSignatures([named(await given.good())], image, trusting({})).result, "failed");
  });

  it("are demanded in as many logs as the stack says: one entry twice is one", async () => {
    const bundle = await given.good();
    bundle.verificationMaterial.tlogEntries.push(bundle.verificationMaterial.tlogEntries[0]!);
    const trust = trusting({ identities: [{ issuer, identity }], thresholds: { transparencyLogs: 2 } });
    const { result, evidence } = measureSignatures([named(bundle)], image, trust);
    assert.equal(result, "failed");
    assert.match(evidence, /entries in 1 transparency logs, demanded are 2/);
  });

  it("with any single bit changed never pass as another image's or another identity's", async function () {
    // Some two hundred verifications, in samples that are others every time.
    this.timeout(60_000);
    const text = JSON.stringify(await given.good());
    const trust = trusting();
    const wrongImage = sha256("another image");
    const wrongIdentity = trusting({ identities: [{ issuer, identity: identity.replace("v1.2.0", "v1.2.1") }] });
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.nat(6), (at, bit) => {
        const bytes = Buffer.from(text);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        const found = [named(bytes.toString("utf8"))];
        assert.equal(measureSignatures(found, wrongImage, trust).result, "failed");
        assert.equal(measureSignatures(found, image, wrongIdentity).result, "failed");
        const { result, evidence } = measureSignatures(found, image, trust);
        // What is not signed (a letter of a public key's hint) may change; what it proves may not.
        if (result === "passed") assert.equal(evidence, `signed by ${identity} (issuer ${issuer})`);
      }),
      { numRuns: 60 },
    );
  });

  describe("are believed by a root and keys that", () => {
    it("have the digest that the stack pins", () => {
      const files = filesOf({ "root.json": stranger.root });
      const trustedRoot = { file: "root.json", digest: sha256(signing.root) };
      assert.throws(() => readTrust({ trustedRoot, identities: [{ issuer, identity }] }, files), {
        message: `root.json has ${sha256(stranger.root)}: it is not the file that the stack pins, ${sha256(signing.root)}`,
      });
    });

    it("are what they say, and strong enough", () => {
      const root = (text: string) => () =>
        readTrust({ trustedRoot: { file: "r.json", digest: sha256(text) } }, filesOf({ "r.json": text }));
      assert.throws(root("{}"), /r\.json is no Sigstore trusted root/);
      assert.throws(root("x"), /r\.json is not JSON/);
      const broken = JSON.parse(signing.root) as RootJson;
      broken.certificateAuthorities[0]!.certChain.certificates[0]!.rawBytes = "AAAA";
      assert.throws(root(JSON.stringify(broken)), /r\.json holds a key or certificate that cannot be read/);
      const key = (pem: string) => () =>
        trusting({ keys: [{ name: "k", file: "k.pub", digest: sha256(pem) }] }, { "k.pub": pem });
      const spki = { format: "pem", type: "spki" } as const;
      const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export(spki).toString();
      assert.throws(key(weak), /k\.pub is too weak: an RSA key of 1024 bits/);
      const curve = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey.export(spki).toString();
      assert.throws(key(curve), /k\.pub is too weak: the curve secp256k1/);
      const secret = newKey().privateKey.export({ format: "pem", type: "pkcs8" }).toString();
      assert.throws(key(secret), /k\.pub is no public key in PEM/);
    });
  });
});
