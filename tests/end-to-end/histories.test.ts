import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetBucketPolicyCommand, GetBucketTaggingCommand, S3Client } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { publishFrontends, type Builds } from "../../local/frontend";
import { versions, type Version } from "../../local/images";
import { lastVerified } from "../../records/state";
import { rows } from "../release/arbitraries";
import { fixtureFor, type Fixture } from "./fixture";
import { patientUp } from "./patient";
import { configOf, edit, type Edit } from "./stack-edits";

const version = fc.constantFrom(...versions);
const word = fc.string({ unit: fc.constantFrom(..."abcdefgh".split("")), minLength: 1, maxLength: 8 });

/** What a random release chooses, facet by facet; images and builds go by the version of the example that they are of. */
const choice = fc.record({
  service: version,
  worker: version,
  frontend: version,
  parameters: fc.record({ precision: fc.integer({ min: 0, max: 4 }) }),
  rows,
  actions: fc.subarray(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], { minLength: 1 }),
  tags: fc.dictionary(word, word, { minKeys: 1, maxKeys: 3 }),
  toggles: fc.record({ CORRELATION_ID_ENABLED: fc.boolean(), CORS_ALLOWED_ORIGINS: word }),
  migration: fc.constantFrom("0001_members", "0002_add_locale"),
});
type Choice = typeof choice extends fc.Arbitrary<infer T> ? T : never;

const first: Choice = {
  ...{ service: "v1.2.1", worker: "v1.2.1", frontend: "v1.2.1", migration: "0001_members" },
  ...{ parameters: { precision: 0 }, rows: [], actions: ["s3:GetObject"], tags: { a: "a" } },
  toggles: { CORRELATION_ID_ENABLED: false, CORS_ALLOWED_ORIGINS: "a" },
};
const histories = Number(process.env.REWIND_HISTORIES ?? 5);
const seed = Number(process.env.REWIND_SEED ?? Date.now() % 2 ** 31);
/** A walk goes to each of its releases and the same way back: every step back ends a history. */
const steps = 5;
const worker = "score_prism";

describe("random histories of releases over all facets, on the real engine", function () {
  let [opened, original, folder, store]: [Fixture?, string?, string?, S3Client?] = [];
  let builds: Builds;
  let images: Readonly<Record<Version, unknown>>;
  let made = 0;
  const stack = (): Fixture => opened!;

  before(async function () {
    opened = await fixtureFor(this);
    await opened.empty();
    original = readFileSync(opened.stackFile, "utf8");
    const { endpoint, region, accessKey, secretKey } = opened.environment.objectStore;
    const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
    store = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
    folder = mkdtempSync(join(tmpdir(), "rewind-histories-"));
    builds = await publishFrontends(opened.environment.objectStore, folder);
    keepOneOfEach();
    await patientUp(opened);
  });
  after(async () => {
    store?.destroy();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    if (opened === undefined || original === undefined) return;
    const { code, output } = await opened.pulumi(["destroy", "--yes", "--skip-preview"]);
    assert.equal(code, 0, output);
    writeFileSync(opened.stackFile, original);
  });

  /** One entry in every facet and one check: a flip waits for two containers that are asked early. */
  const keepOneOfEach = (): void => {
    const config = configOf(stack());
    images = Object.fromEntries(
      versions.map((each) => {
        const { services } = config["rewind:releases"]?.[each] as { services: { api: { image: string } } };
        return [each, services.api.image];
      }),
    ) as Record<Version, unknown>;
    const at = "rewind:environment";
    const others = Object.keys(config[at]?.functions ?? {}).filter((name) => name !== worker);
    edit(
      stack(),
      ...["routes", "caches", "jobs"].map((part): Edit => [`${at}/${part}`, undefined]),
      ...others.map((name): Edit => [`${at}/functions/${name}`, undefined]),
      ...["services/api", `functions/${worker}`].flatMap((path): Edit[] => [
        [`${at}/${path}/healthcheck/interval`, "500ms"],
        [`${at}/${path}/healthcheck/timeout`, "30s"],
      ]),
      [`${at}/frontends`, { web: { bucket: "scoring-frontend", url: stack().environment.proxy.url, route: {} } }],
      [
        "rewind:verification",
        { checks: { health: { kind: "http", to: "services/api", path: "/health", expect: { status: 200 } } } },
      ],
      ["rewind:releases", { first: releaseOf(first) }],
      ["rewind:release", "first"],
    );
  };
  const releaseOf = (chosen: Choice) => ({
    services: { api: { image: images[chosen.service] } },
    functions: { [worker]: { image: images[chosen.worker], parameters: chosen.parameters } },
    frontend: { web: { build: builds[chosen.frontend] } },
    config: { scoring_config: { rows: chosen.rows } },
    storage: { documents: { policy: policyOf(chosen), tags: chosen.tags } },
    toggles: chosen.toggles,
    schema: { migration: chosen.migration },
  });

  /** What the components themselves say, facet by facet, and the digests that the log has of it. */
  const seen = async () => {
    const Bucket = "scoring-documents";
    const [policy, tags] = await Promise.all([
      store?.send(new GetBucketPolicyCommand({ Bucket })),
      store?.send(new GetBucketTaggingCommand({ Bucket })),
    ]);
    const containers = Object.entries(await stack().containers()).map(async ([entry, id]) => {
      const { Image, Config } = await stack().docker.getContainer(id).inspect();
      return [entry, { image: Image, variables: Config.Env.toSorted() }] as const;
    });
    const { to, snapshot } = lastVerified(stack().log())?.intent ?? assert.fail("nothing was verified");
    return {
      containers: Object.fromEntries(await Promise.all(containers)),
      page: await (await fetch(`${stack().environment.proxy.url}/tasks`)).text(),
      rows: await stack().query('select key, value from app.scoring_config order by key collate "C"'),
      migrations: await stack().query("select name from rewind.pgmigrations order by name"),
      policy: JSON.parse(policy?.Policy ?? "null") as unknown,
      tags: tags?.TagSet?.map(({ Key, Value }) => `${Key ?? ""}=${Value ?? ""}`).toSorted(),
      digests: { release: to.digest, snapshot },
    };
  };
  const pin = async (release: string): Promise<void> => {
    stack().pin(release);
    await patientUp(stack());
  };

  /** Goes to each release and the same way back, and finds at every step back what was there on the way out. */
  const walk = async (choices: readonly Choice[]): Promise<void> => {
    const there = choices.map((chosen) => [`h${(made += 1)}`, releaseOf(chosen)] as const);
    edit(stack(), ["rewind:releases", { first: releaseOf(first), ...Object.fromEntries(there) }]);
    const way: { id: string; found: Awaited<ReturnType<typeof seen>> }[] = [{ id: "first", found: await seen() }];
    for (const [at, [id]] of there.entries()) {
      await pin(id);
      const found = await seen();
      // Half of the random objects have no prototype.
      assert.deepEqual(found.rows, structuredClone(choices[at]?.rows)?.toSorted(byKey), id);
      way.push({ id, found });
    }
    for (const { id, found } of way.slice(0, -1).reverse()) {
      await pin(id);
      assert.deepEqual(await seen(), found, id);
      const entries = stack().log().length;
      const again = await stack().pulumi(["up", "--yes", "--skip-preview", "--expect-no-changes"]);
      assert.equal(again.code, 0, again.output);
      assert.equal(stack().log().length, entries, "nothing to do leaves no entry");
    }
  };

  it(`A to B and back to A gives A's digests, and applying again changes nothing, over ${histories} of them (REWIND_HISTORIES=50 for fifty)`, async () => {
    process.stderr.write(`  REWIND_SEED=${seed} walks the same way again\n`);
    const walks = fc.array(choice, { minLength: steps, maxLength: steps });
    await fc.assert(fc.asyncProperty(walks, walk), {
      numRuns: Math.ceil(histories / steps),
      seed,
      // A shorter walk would begin where this one failed.
      endOnFailure: true,
    });
  });
});

/** The application may do something with documents. */
function policyOf({ actions }: Choice) {
  const Principal = { AWS: "${principal.application}" };
  const Resource = "arn:aws:s3:::${bucket}/documents/*";
  return { Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal, Action: actions, Resource }] };
}

/** The order of PostgreSQL's collation C. */
function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : 1;
}
