import assert from "node:assert/strict";
import { parseSettings } from "../../release/parse";
import { pinnedValue } from "../../release/pinned-value";
import { rules } from "../../release/rules";

const image = `engine@sha256:${"a".repeat(64)}`;
const workload = { port: 8080, memory: 64, healthcheck: { command: ["true"] }, secrets: { TOKEN: "token" } };
const statement = {
  Effect: "Allow",
  Principal: { AWS: "${principal.app}" },
  Action: "s3:GetObject",
  Resource: "arn:aws:s3:::${bucket}/*",
};

const signatures = {
  trustedRoot: { file: "trusted_root.json", digest: `sha256:${"b".repeat(64)}` },
  identities: [{ issuer: "https://accounts.example.com", identity: "release@example.com" }],
};

/** What stacks on AWS say: nothing without TLS. The stack itself has it, so it locks nobody out. */
const denyPlain = {
  Effect: "Deny",
  Principal: "*",
  Action: "s3:*",
  Resource: ["arn:aws:s3:::${bucket}", "arn:aws:s3:::${bucket}/*"],
  Condition: { Bool: { "aws:SecureTransport": "false" } },
};

/** The smallest stack in which every rule has something to say. */
const valid = {
  release: "v1",
  pins: { "functions/score": "v2" },
  releases: {
    v1: {
      services: { api: { image } },
      functions: { score: { image } },
      config: { settings: { rows: [{ key: "version", value: "v1" }] } },
      storage: { documents: { policy: { Version: "2012-10-17", Statement: [statement] } } },
      toggles: { ON: true },
      schema: { migration: "0001_first" },
    },
    v2: { functions: { score: { image } } },
  },
  environment: {
    name: "staging",
    kind: "staging",
    registry: "registry.example.com",
    docker: { host: "unix:///var/run/docker.sock" },
    services: { api: workload },
    functions: { score: workload },
    proxy: { admin: "http://127.0.0.1:2019", url: "http://127.0.0.1:8000" },
    frontends: { web: { bucket: "builds", url: "https://app.example.com", route: {} } },
    database: {
      host: "db",
      port: 5432,
      sslmode: "verify-full",
      administrator: { user: "rewind", password: "password" },
      name: "app",
      schema: "app",
      role: { user: "app", password: "password" },
      tables: { settings: { key: "key", columns: { key: "text", value: "jsonb" }, touched: "updated_at" } },
      roles: { member: { memberOf: ["app"] } },
      functions: { is_member: { returns: "boolean", language: "sql", body: "select true" } },
      grants: { use: { objectType: "schema", role: "member", schema: "app", privileges: ["USAGE"] } },
      migrations: { folder: "migrations" },
    },
    objectStore: {
      region: "eu-central-1",
      principals: { app: "arn:aws:iam::1:role/app" },
      buckets: { documents: "docs" },
    },
    toggles: ["ON"],
  },
  verification: {
    checks: {
      health: { kind: "http", to: "services/api", path: "/health", bearer: "token", expect: { status: 200 } },
      version: { kind: "row", table: "settings", key: "version" },
      documents: { kind: "policy", bucket: "documents" },
      journey: {
        kind: "journey",
        steps: [
          { to: "services/api", path: "/", expect: { status: 200 }, capture: { id: "id" } },
          { to: "services/api", path: "/${id}/${release}/${config.settings.version.value}", expect: { status: 200 } },
        ],
      },
    },
  },
  secrets: ["token", "password"],
};
type Raw = typeof valid;

const noFiles = (path: string): never => {
  throw new Error(`no file ${path}`);
};

/** The problems of the valid stack after a change. */
function problemsAfter(change: (raw: Raw) => void): string[] {
  const raw = structuredClone(valid);
  change(raw);
  const parsed = parseSettings(raw, noFiles);
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`);
}

const role = "arn:aws:iam::111122223333:role/scoring";
const url = "https://scoring.example.com";

const stamped = { version: "results_version", created: "created_at", key: ["id"] };

/** Tables whose rows carry a version. */
function stamp({ environment }: Raw, tables: Record<string, unknown>): void {
  Object.assign(environment.database, { stamped: tables });
}

/** A route to the service. */
function routed({ environment }: Raw, route: Record<string, unknown>): void {
  Object.assign(environment.services.api, { port: 8080 });
  Object.assign(environment, {
    proxy: { admin: "http://127.0.0.1:2019", url: "http://127.0.0.1:8000" },
    // A frontend takes the rest.
    routes: { front: { to: "services/api", hosts: ["api.example"], smoke: [{ path: "/health" }], ...route } },
  });
}

function onEcs({ environment }: Raw): void {
  environment.services.api = { ...workload, memory: 512, url } as never;
  const ecs = { cluster: "c", subnets: ["subnet-0a1b2c3d"], securityGroups: ["sg-0a1b2c3d"], executionRole: role };
  Object.assign(environment, { runtime: { services: "ecs" }, aws: { region: "eu-central-1" }, ecs });
}

/** One function an image, the other a bundle. */
function onLambda({ environment, releases }: Raw): void {
  environment.functions.score = { ...workload, memory: 128, url } as never;
  const bundle = { bundle: `sha256:${"b".repeat(64)}`, handler: "index.handler", runtime: "nodejs22.x" };
  releases.v2.functions.score = bundle as never;
  const lambda = { role, bundles: "example-bundles" };
  Object.assign(environment, { runtime: { functions: "lambda" }, aws: { region: "eu-central-1" }, lambda });
}

interface Example {
  readonly rule: string;
  readonly holds: (raw: Raw) => void;
  readonly broken: (raw: Raw) => void;
  readonly problem: RegExp;
}

const examples: readonly Example[] = [
  {
    rule: "the pin names a release",
    holds: (raw) => (raw.release = "v2"),
    broken: (raw) => (raw.release = "v3"),
    problem: /^release: no release "v3"; the catalogue has v1, v2$/,
  },
  {
    rule: "the pins name releases",
    holds: (raw) => (raw.pins["functions/score"] = "v1"),
    broken: (raw) => (raw.pins["functions/score"] = "v3"),
    problem: /^pins\.functions\/score: no release "v3"/,
  },
  {
    rule: "the pins name entries of their release",
    holds: (raw) => (raw.pins = { functions: "v2" } as never),
    broken: (raw) => (raw.pins = { "services/api": "v2" } as never),
    problem: /^pins\.services\/api: release v2 has no services\/api; it has none$/,
  },
  {
    rule: "what belongs together is there",
    holds: (raw) => Object.assign(raw.releases.v2, { together: [["functions/score", "functions"]] }),
    broken: (raw) => {
      Object.assign(raw.releases.v2, { together: [["functions/score", "config"]] });
      raw.pins = {} as never;
    },
    problem: /^releases\.v2\.together\.0\.1: the release has no config; it has none$/,
  },
  {
    rule: "pins keep together what belongs together",
    holds: (raw) => {
      Object.assign(raw.releases.v1, { together: [["services/api", "functions/score"]] });
      raw.pins = {} as never;
    },
    broken: (raw) => Object.assign(raw.releases.v1, { together: [["services/api", "functions/score"]] }),
    problem:
      /^pins: v1 says that these belong together: services\/api \(v1\), functions\/score \(v2\); set rewind:pins to \{\}$/,
  },
  {
    rule: "the environment has what releases name",
    holds: (raw) => raw.environment.toggles.push("OFF"),
    broken: (raw) => (raw.environment.toggles = []),
    problem: /^releases\.v1\.toggles\.ON: the environment staging has no such entry; it has none$/,
  },
  {
    rule: "workloads have names of their own",
    holds: (raw) => Object.assign(raw.environment.functions, { other: workload }),
    broken: (raw) => Object.assign(raw.environment.functions, { api: workload }),
    problem: /^environment\.functions\.api: a service has the name api already$/,
  },
  {
    rule: "images are pinned outside of local",
    holds: (raw) => {
      raw.environment.kind = "local";
      raw.releases.v2.functions.score.image = "engine:v2";
    },
    broken: (raw) => (raw.releases.v2.functions.score.image = "engine:v2"),
    problem: /^releases\.v2\.functions\.score\.image: expected name@sha256:<64 hex>, got "engine:v2": a tag floats$/,
  },
  {
    rule: "SEC-M1 · production proves who answers",
    holds: (raw) => {
      raw.environment.kind = "production";
      Object.assign(raw.environment.database, { sslmode: "verify-full" });
    },
    broken: (raw) => {
      raw.environment.kind = "production";
      Object.assign(raw.environment.database, { sslmode: "require" });
    },
    problem: /^environment\.database\.sslmode: expected verify-full in production, got require: anybody on the way/,
  },
  {
    rule: "SEC-M1 · production says why a store without TLS is one",
    holds: (raw) => {
      raw.environment.kind = "production";
      const unproved = { reason: "a network of its own" };
      Object.assign(raw.environment.database, { unproved });
      Object.assign(raw.environment.objectStore, { endpoint: "http://minio.internal:9000", unproved });
    },
    broken: (raw) => {
      raw.environment.kind = "production";
      Object.assign(raw.environment.database, { host: "127.0.0.1" });
      Object.assign(raw.environment.objectStore, { endpoint: "http://minio.internal:9000" });
    },
    problem: /^environment\.objectStore\.endpoint: expected https in production/,
  },
  {
    rule: "runtimes have what they run on",
    holds: (raw) => Object.assign(raw.environment, { runtime: { services: "docker", functions: "container" } }),
    broken: (raw) => Reflect.deleteProperty(raw.environment, "docker"),
    problem: /^environment\.docker: missing: the runtime container needs it$/,
  },
  {
    rule: "containers have health checks",
    holds: (raw) => (raw.environment.functions.score = { ...workload, memory: 32 }),
    broken: (raw) => (raw.environment.functions.score = { ...workload, healthcheck: undefined as never }),
    problem: /^environment\.functions\.score\.healthcheck: missing: a container needs one$/,
  },
  {
    rule: "functions are an image or a bundle",
    holds: onLambda,
    broken: (raw) => (raw.releases.v2.functions.score = {} as never),
    problem: /^releases\.v2\.functions\.score: expected an image or a bundle$/,
  },
  {
    rule: "volumes have a Docker engine",
    holds: (raw) => Object.assign(raw.environment.services.api, { volumes: { data: "/data" } }),
    broken: (raw) => {
      onEcs(raw);
      Object.assign(raw.environment.services.api, { volumes: { data: "/data" } });
    },
    problem: /^environment\.services\.api\.volumes: volumes need a Docker engine$/,
  },
  {
    rule: "a swarm's ports leave room for the new task",
    holds: (raw) => {
      Object.assign(raw.environment, { runtime: { services: "swarm" } });
      Object.assign(raw.environment.services.api, { publish: 8443 });
    },
    broken: (raw) => {
      Object.assign(raw.environment, { runtime: { services: "swarm" }, swarm: { ports: "host" } });
      Object.assign(raw.environment.services.api, { publish: 8443 });
    },
    problem: /^environment\.services\.api\.publish: in host mode the old task has the port while the new one starts/,
  },
  {
    rule: "routes lead to a container of a single host",
    holds: (raw) => {
      routed(raw, {});
    },
    broken: (raw) => {
      routed(raw, { to: "services/nobody" });
    },
    problem: /^environment\.routes\.front\.to: the environment has no services\/nobody$/,
  },
  {
    rule: "routes are told apart",
    holds: (raw) => {
      routed(raw, { hosts: ["a.example"], paths: ["/v1/*"] });
      const { front } = (raw.environment as unknown as { routes: { front: object } }).routes;
      Object.assign(raw.environment, {
        routes: {
          front: { ...front, smoke: [{ path: "/v1/health" }] },
          narrower: { ...front, paths: ["/v1"], smoke: [{ path: "/v1" }] },
          elsewhere: { ...front, hosts: ["b.example"], smoke: [{ path: "/v1/health" }] },
          host: { to: "services/api", hosts: ["a.example"], smoke: [{ path: "/" }] },
        },
      });
    },
    broken: (raw) => {
      routed(raw, { hosts: undefined, paths: ["/health", "/v1/*"] });
      const { front } = (raw.environment as unknown as { routes: { front: object } }).routes;
      const other = {
        to: "services/api",
        hosts: ["a.example"],
        paths: ["/V1/tasks/*"],
        smoke: [{ path: "/v1/tasks/1" }],
      };
      Object.assign(raw.environment, { routes: { front, other } });
    },
    problem:
      /^environment\.routes\.other: takes requests that routes\.front takes, too: expected other hosts or paths$/,
  },
  {
    rule: "routes are asked for their own",
    holds: (raw) => {
      routed(raw, { paths: ["/Health", "/v1/*"] });
    },
    broken: (raw) => {
      routed(raw, { paths: ["/v1/*"] });
    },
    problem: /^environment\.routes\.front\.smoke\.0: "\/health" is none of the route's paths$/,
  },
  {
    rule: "routes let addresses in",
    holds: (raw) => {
      routed(raw, { allow: "DOOR" });
      Object.assign(raw.environment, { toggles: ["ON", "DOOR"] });
      Object.assign(raw.releases.v1.toggles, { DOOR: "10.0.0.0/8, ::1" });
    },
    broken: (raw) => {
      routed(raw, { allow: "DOOR" });
      Object.assign(raw.environment, { toggles: ["ON", "DOOR"] });
      Object.assign(raw.releases.v1.toggles, { DOOR: "10.0.0.0/80" });
    },
    problem: /^environment\.routes\.front\.allow: DOOR is "10\.0\.0\.0\/80": expected addresses/,
  },
  {
    rule: "ECS can run the services",
    holds: onEcs,
    broken: (raw) => {
      onEcs(raw);
      raw.environment.services.api.memory = 768;
    },
    problem: /^environment\.services\.api\.memory: Fargate has no 768 MiB with 256 CPU units; from 512 to 2048$/,
  },
  {
    rule: "Lambda can run the functions",
    holds: onLambda,
    broken: (raw) => {
      onLambda(raw);
      raw.environment.functions.score.memory = 64;
    },
    problem: /^environment\.functions\.score\.memory: expected 128 to 10240 MiB on Lambda, got 64$/,
  },
  {
    rule: "the settings of buckets on AWS hold",
    holds: (raw) => Object.assign(raw.releases.v1.storage.documents, { encryption: { algorithm: "AES256" } }),
    broken: (raw) =>
      Object.assign(raw.releases.v1.storage.documents, { lifecycle: [{ id: "everything", expire: 30 }] }),
    problem: /lifecycle\.0\.prefix: missing: without it every object of the bucket would be removed$/,
  },
  {
    rule: "signatures name somebody",
    holds: (raw) => Object.assign(raw.environment, { signatures }),
    broken: (raw) => Object.assign(raw.environment, { signatures: { ...signatures, identities: [] } }),
    problem: /^environment\.signatures: expected identities, keys or both: nobody is demanded$/,
  },
  {
    rule: "signed images are pinned",
    holds: (raw) => Object.assign(raw.environment, { kind: "local", signatures }),
    broken: (raw) => {
      Object.assign(raw.environment, { kind: "local", signatures });
      raw.releases.v2.functions.score.image = "engine:v2";
    },
    problem: /^releases\.v2\.functions\.score\.image: .* got "engine:v2": signatures are over digests$/,
  },
  {
    rule: "tables have their columns",
    holds: (raw) => (raw.environment.database.tables.settings.touched = "changed_at"),
    broken: (raw) => (raw.environment.database.tables.settings.touched = "value"),
    problem: /^environment\.database\.tables\.settings\.touched: value is moved by Rewind/,
  },
  {
    rule: "rows fit their table",
    holds: (raw) => raw.releases.v1.config.settings.rows.push({ key: "other", value: "v1" }),
    broken: (raw) => raw.releases.v1.config.settings.rows.push({ key: "version", value: "v2" }),
    problem: /^releases\.v1\.config\.settings\.rows\.1: a second row with key "version"$/,
  },
  {
    rule: "stamped tables are apart from pinned ones",
    holds: (raw) => {
      stamp(raw, { profiles: stamped, elsewhere: { ...stamped, schema: "public", table: "settings" } });
    },
    broken: (raw) => {
      stamp(raw, { profiles: { ...stamped, table: "settings" } });
    },
    problem: /^environment\.database\.stamped\.profiles: releases pin the rows of app\.settings$/,
  },
  {
    rule: "roles are ordinary",
    holds: (raw) => (raw.environment.database.roles.member.memberOf = []),
    broken: (raw) => (raw.environment.database.roles.member.memberOf = ["rewind"]),
    problem: /^environment\.database\.roles\.member\.memberOf\.0: rewind has rights over the whole server/,
  },
  {
    rule: "the database's objects resolve",
    holds: (raw) => (raw.environment.database.grants.use.role = "app"),
    broken: (raw) => (raw.environment.database.grants.use.role = "stranger"),
    problem: /^environment\.database\.grants\.use\.role: no role "stranger"; there are app, member$/,
  },
  {
    rule: "everybody is granted nothing in production",
    holds: (raw) => (raw.environment.database.grants.use.role = "public"),
    broken: (raw) => {
      raw.environment.kind = "production";
      raw.environment.database.grants.use.role = "public";
    },
    problem:
      /^environment\.database\.grants\.use\.role: public is everybody who can connect; production wants the reason/,
  },
  {
    rule: "functions are safe",
    holds: (raw) =>
      Object.assign(raw.environment.database.functions.is_member, { securityDefiner: true, searchPath: ["app"] }),
    broken: (raw) => Object.assign(raw.environment.database.functions.is_member, { securityDefiner: true }),
    problem: /^environment\.database\.functions\.is_member\.searchPath: expected a fixed search path/,
  },
  {
    rule: "workloads are hosts",
    holds: (raw) => Object.assign(raw.environment, { name: "n".repeat(63) }),
    broken: (raw) => Object.assign(raw.environment.services, { api_: workload }),
    problem: /^environment\.services\.api_: expected a name that ends in a letter or digit.*got "api_"$/,
  },
  {
    rule: "places are apart",
    holds: (raw) => Object.assign(raw.environment.objectStore.buckets, { exports: "exports" }),
    broken: (raw) => Object.assign(raw.environment.objectStore.buckets, { exports: "docs" }),
    problem: /^environment\.objectStore\.buckets\.exports: objectStore\.buckets\.documents is the bucket docs already$/,
  },
  {
    rule: "variables are taken",
    holds: (raw) =>
      Object.assign(raw.environment, {
        services: { api: { ...workload, variables: { "spring.datasource.url": "x".repeat(9_000) } } },
      }),
    broken: (raw) =>
      Object.assign(raw.environment, { services: { api: { ...workload, variables: { LARGE: "x".repeat(131_067) } } } }),
    problem: /^environment\.services\.api\.variables\.LARGE: LARGE has 131074 bytes with its name; Linux takes 131072/,
  },
  {
    rule: "functions are found again",
    holds: (raw) => Object.assign(raw.environment.database, { name: "scoring-Prod" }),
    broken: (raw) => Object.assign(raw.environment.database, { name: "scoring.prod" }),
    problem:
      /^environment\.database\.name: expected a name without dots where there are functions, got "scoring\.prod"$/,
  },
  {
    rule: "migrations are named plainly",
    holds: (raw) => Object.assign(raw.environment.database.migrations, { table: "Applied migrations" }),
    broken: (raw) => Object.assign(raw.environment.database.migrations, { table: 'a"b' }),
    problem: /^environment\.database\.migrations\.table: expected a name without quotes where there are migrations/,
  },
  {
    rule: "migrations have a folder",
    holds: (raw) => Object.assign(raw.releases.v2, { schema: { migration: "0002_second" } }),
    broken: (raw) => Reflect.deleteProperty(raw.environment.database, "migrations"),
    problem: /^releases\.v1\.schema\.migration: the environment staging has no database\.migrations/,
  },
  {
    rule: "principals are known",
    holds: (raw) => (raw.releases.v1.storage.documents.policy.Statement[0]!.Principal.AWS = "arn:aws:iam::2:root"),
    broken: (raw) => (raw.releases.v1.storage.documents.policy.Statement[0]!.Principal.AWS = "${principal.ap}"),
    problem: /Statement\.0: nothing is known as \$\{principal\.ap\}$/,
  },
  {
    rule: "statements are sound",
    holds: (raw) => (raw.releases.v1.storage.documents.policy.Statement[0]!.Action = "s3:Get*"),
    broken: (raw) => (raw.releases.v1.storage.documents.policy.Statement[0]!.Action = "s3:GetObjcet"),
    problem: /Statement\.0\.Action: S3 has no action "s3:GetObjcet"$/,
  },
  {
    rule: "everybody only reads",
    holds: (raw) => {
      Object.assign(raw.releases.v1.storage.documents, { public: { reason: "the logo" } });
      Object.assign(raw.releases.v1.storage.documents.policy.Statement[0]!, { Principal: "*" });
    },
    broken: (raw) => Object.assign(raw.releases.v1.storage.documents.policy.Statement[0]!, { Principal: "*" }),
    problem: /Statement\.0\.Principal: everybody may read only where the bucket says public: \{reason: …\}$/,
  },
  {
    rule: "policies fit",
    holds: (raw) => Object.assign(raw.releases.v1.storage.documents.policy, { Id: "x".repeat(4_000) }),
    broken: (raw) =>
      Object.assign(raw.releases.v1.storage.documents.policy.Statement[0]!, {
        Resource: Array.from({ length: 900 }, (_, index) => `arn:aws:s3:::\${bucket}/${index}/*`),
      }),
    problem: /documents\.policy: has \d+ bytes with its names filled in; a bucket's policy has at most 20480/,
  },
  {
    rule: "canonical users read back",
    holds: (raw) =>
      Object.assign(raw.releases.v1.storage.documents.policy.Statement[0]!, {
        Principal: { Service: "a.amazonaws.com" },
      }),
    broken: (raw) => {
      Reflect.deleteProperty(raw.environment.objectStore, "endpoint");
      Object.assign(raw.releases.v1.storage.documents.policy.Statement[0]!, { Principal: { CanonicalUser: "79a5" } });
    },
    problem: /Principal\.CanonicalUser: S3 stores a canonical user as the account or identity behind it/,
  },
  {
    rule: "every statement counts",
    holds: (raw) => raw.releases.v1.storage.documents.policy.Statement.push({ ...statement, Action: "s3:PutObject" }),
    broken: (raw) => raw.releases.v1.storage.documents.policy.Statement.push({ ...statement }),
    problem: /Statement\.1: says what an earlier statement says$/,
  },
  {
    rule: "nobody is locked out",
    holds: (raw) => Object.assign(raw.releases.v1.storage.documents.policy, { Statement: [statement, denyPlain] }),
    broken: (raw) => Object.assign(raw.releases.v1.storage.documents, { writers: ["app"] }),
    problem: /documents\.policy: locks out its own writer: app may not write anywhere$/,
  },
  {
    rule: "production tries its policies",
    holds: (raw) => Object.assign(raw.environment.objectStore, { untried: { reason: "an emulator" } }),
    broken: (raw) => {
      raw.environment.kind = "production";
      Object.assign(raw.environment.objectStore, { untried: { reason: "an emulator" } });
    },
    problem: /^environment\.objectStore\.untried: a production environment tries its policies$/,
  },
  {
    rule: "toggles are known",
    holds: (raw) => Object.assign(raw, { toggles: { ON: false } }),
    broken: (raw) => Object.assign(raw, { toggles: { ON: "no" } }),
    problem: /^toggles\.ON: expected true or false, as releases have it, got "no"$/,
  },
  {
    rule: "jobs are disabled by toggles",
    holds: (raw) =>
      Object.assign(raw.environment, { jobs: { queue: { url: "token", queues: ["q"], disabledBy: "ON" } } }),
    broken: (raw) =>
      Object.assign(raw.environment, { jobs: { queue: { url: "token", queues: ["q"], disabledBy: "OFF" } } }),
    problem: /^environment\.jobs\.queue\.disabledBy: the environment has no toggle OFF$/,
  },
  {
    rule: "frontends have one pointer",
    holds: (raw) => (raw.environment.frontends.web.url = "https://www.example.com"),
    broken: (raw) => Reflect.deleteProperty(raw.environment.frontends.web, "route"),
    problem: /^environment\.frontends\.web: nothing would move with the pin: expected route/,
  },
  {
    rule: "secrets are there",
    holds: (raw) => raw.secrets.push("unused"),
    broken: (raw) => (raw.environment.database.role.password = "role-password"),
    problem: /^environment\.database\.role\.password: no secret "role-password"; type: pulumi config set --secret/,
  },
  {
    rule: "checks ask for what is there",
    holds: (raw) => (raw.verification.checks.health.to = "functions/score"),
    broken: (raw) => (raw.verification.checks.journey.steps[0]!.path = "/${id}"),
    problem: /^verification\.checks\.journey\.steps\.0: nothing is known as \$\{id\}$/,
  },
];

describe("the rules", () => {
  it("hold in the smallest stack", () => {
    assert.deepEqual(
      problemsAfter(() => undefined),
      [],
    );
  });

  it("let nobody in by silence: a pin without the toggle of a route's allow-list is refused", () => {
    const [problem = ""] = problemsAfter((raw) => {
      routed(raw, { allow: "DOOR" });
      Object.assign(raw.environment, { toggles: ["ON", "DOOR"] });
    });
    assert.match(problem, /^environment\.routes\.front\.allow: the pin has no DOOR: expected addresses, or true/);
  });

  it("have an example each", () => {
    assert.equal(examples.length, rules.length);
  });

  for (const { rule, holds, broken, problem } of examples) {
    it(`say nothing where ${rule}`, () => {
      const adjusted = (raw: Raw) => {
        holds(raw);
        // A pin on the small release has nothing to verify.
        if (raw.release === "v2") raw.verification.checks = {} as never;
      };
      assert.deepEqual(problemsAfter(adjusted), []);
    });

    it(`complain once where it does not hold that ${rule}`, () => {
      const problems = problemsAfter(broken);
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0] ?? "", problem);
    });
  }

  it("name at most twenty of what there is", () => {
    const [problem = ""] = problemsAfter((raw) => {
      raw.release = "v9";
      for (let index = 0; index < 100; index += 1) Object.assign(raw.releases, { [`r${index}`]: {} });
    });
    assert.match(problem, /^release: no release "v9"; the catalogue has v1, v2, r0, .*, r17 and 82 more$/);
  });

  it("blame nothing else for a release that could not be read", () => {
    const problems = problemsAfter((raw) => (raw.releases.v1.services.api.image = "NOT AN IMAGE"));
    assert.deepEqual(problems, ['releases.v1.services.api.image: expected name@sha256:<64 hex>, got "NOT AN IMAGE"']);
  });
});

describe("a check of logs", () => {
  const withCheck = (change: object, more: (raw: Raw) => void = () => undefined) =>
    problemsAfter((raw) => {
      Object.assign(raw.verification.checks, {
        logs: { kind: "logs", of: "functions/score", without: "error", ...change },
      });
      more(raw);
    });

  it("asks for an entry that the release has, and for a regular expression", () => {
    const at = "verification.checks.logs";
    assert.deepEqual(withCheck({ area: "features" }), []);
    assert.deepEqual(withCheck({ of: "services/nothing" }), [`${at}.of: the pinned release has no services/nothing`]);
    assert.match(withCheck({ without: "(" }).join(), /logs\.without: expected a regular expression/);
    assert.match(withCheck({ area: "weather" }).join(), /^verification\.checks\.logs\.area: /);
  });

  it("asks for something that a Docker engine runs", () => {
    assert.match(withCheck({}, onLambda).join(), /logs are read from a Docker engine or a swarm/);
  });
});

describe("how long an answer may take", () => {
  it("is not more than an attempt may", () => {
    const after = (within: string, timeout?: string) =>
      problemsAfter((raw) => {
        Object.assign(raw.verification.checks.health.expect, { within });
        if (timeout !== undefined) Object.assign(raw.verification, { timeout });
      });
    assert.deepEqual(after("5s"), []);
    assert.deepEqual(after("6s"), [
      "verification.checks.health.expect.within: an attempt ends after 5s already (timeout)",
    ]);
    assert.deepEqual(after("6s", "7s"), []);
  });
});

describe("a check of stamps", () => {
  const check = { kind: "stamps", of: "profiles", pinned: { table: "settings", key: "version" } };
  const withCheck = (change: object, more: (raw: Raw) => void = () => undefined) =>
    problemsAfter((raw) => {
      stamp(raw, { profiles: stamped });
      Object.assign(raw.verification.checks, { stamps: { ...check, ...change } });
      more(raw);
    });

  it("asks for a stamped table, and for a pinned row with a text", () => {
    assert.deepEqual(withCheck({}), []);
    assert.deepEqual(
      withCheck({ since: "2025-09-17T19:00:00Z", within: "1h", grace: "2m", atMost: 3, trigger: "x" }),
      [],
    );
    const at = "verification.checks.stamps";
    assert.deepEqual(withCheck({ of: "nothing" }), [
      `${at}.of: no stamped table "nothing"; the environment has profiles`,
    ]);
    const none = `${at}.pinned: the pinned release has no row settings/other`;
    assert.deepEqual(withCheck({ pinned: { table: "settings", key: "other" } }), [none]);
    const textless = `${at}.pinned: settings/version has no text in nothing that names a version`;
    assert.deepEqual(withCheck({ pinned: { table: "settings", key: "version", column: "nothing" } }), [textless]);
  });

  it("reads no row file, and says so", () => {
    const file = { file: "rows/settings.jsonl", digest: `sha256:${"a".repeat(64)}`, count: 1 };
    const problems = withCheck({}, (raw) => Object.assign(raw.releases.v1.config, { settings: file }));
    assert.ok(problems.some((text) => /^verification\.checks\.stamps\.pinned: .*its rows are in a file$/.test(text)));
  });
});

describe("a pinned value", () => {
  const parsed = parseSettings(valid, noFiles);
  assert.ok(parsed.ok);
  const { settings } = parsed;

  it("is the release, or a column of a pinned row", () => {
    assert.equal(pinnedValue(settings, "release"), "v1");
    assert.equal(pinnedValue(settings, "config.settings.version.value"), "v1");
  });

  it("is unknown where the pin has none", () => {
    const unknown = ["", "secret", "config", "config.settings.version", "config.settings.other.value", "config.x.y.z"];
    for (const variable of unknown) assert.equal(pinnedValue(settings, variable), undefined, variable);
  });
});

describe("the key of a table", () => {
  it("has any type: whether the server finds rows by it is for the server to say", () => {
    for (const type of ["text", "timestamptz", "numeric(10,2)", "interval", "app.mood", "date[]"]) {
      const copy = structuredClone(valid) as { environment: { database: { tables: object } } };
      copy.environment.database.tables = { settings: { key: "key", columns: { key: type, value: "jsonb" } } };
      const parsed = parseSettings({ ...copy, secrets: ["token", "password"] }, () => undefined);
      const problems = parsed.ok ? [] : parsed.problems.map(({ path }) => path);
      assert.ok(!problems.some((path) => path.startsWith("environment.database.tables")), type);
    }
  });
});
