import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { generateKeyPairSync } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "tar-stream";
import { isMessageSignature } from "../../checks/referrers";
import { verifyBundle } from "../../checks/signatures";
import { dialOf, withRoute, type ProxyRoute } from "../../checks/proxy";
import { readStackYaml } from "../../project/stack-yaml";
import { parseYaml } from "../../project/yaml";
import { readCheckpoint, signCheckpoint } from "../../records/checkpoint";
import type { Entry } from "../../records/entry";
import { chainedLine, linkOf, parseEntry } from "../../records/line";
import { verifyLog } from "../../records/verify";
import { unpack } from "../../recovery/backups/archive";
import { manifestText, parseManifest, parseSums, sumsText } from "../../release/backup-manifest";
import { parseBaseline, sealed } from "../../release/baseline";
import { parseExactly, parseStrictly } from "../../release/exact-json";
import { manifestOf, readManifest } from "../../release/frontend-build";
import { digestOf } from "../../release/canonical";
import { parseMigration } from "../../release/migration-files";
import { parseSettings, settingsKeys } from "../../release/parse";
import { policyDigest } from "../../release/policy-meaning";
import { rowOfLine } from "../../release/row-line";
import { scanSql } from "../../release/sql";
import { cleaned } from "../../release/text";
import { project } from "../release/stack-files";

/** Something of Rewind that reads what somebody else may have written. */
export interface Reader {
  /** As it should be; what is read is made out of these by changing them. */
  readonly samples: readonly Buffer[];
  /** May throw an Error for people; nothing else, and never for long. */
  readonly read: (bytes: Buffer) => unknown;
}

const text = (read: (text: string) => unknown) => (bytes: Buffer) => read(bytes.toString("utf8"));
const json = (read: (value: unknown) => unknown) =>
  text((said) => {
    let value: unknown;
    try {
      value = JSON.parse(said);
    } catch {
      // Whoever reads JSON from elsewhere has told of this already.
      return;
    }
    return read(value);
  });
const buffers = (...samples: readonly (string | object)[]): Buffer[] =>
  samples.map((each) => Buffer.from(typeof each === "string" ? each : JSON.stringify(each)));

const sha256 = "a".repeat(64);
const digest = `sha256:${sha256}`;
const file = { path: "index.html", bytes: 3, sha256, contentType: "text/html", cacheControl: "no-cache" };
const build = manifestOf([file] as never);
const { privateKey } = generateKeyPairSync("ed25519");
const trust = { roots: [], keys: {}, identities: [], logs: [] } as never;
const stackFile = readFileSync(join(project, "Pulumi.staging.yaml"), "utf8");
const statement = {
  Sid: "read",
  Effect: "Allow",
  Principal: { AWS: ["arn:aws:iam::111122223333:role/app", "111122223333"] },
  Action: ["s3:GetObject", "s3:Put*"],
  Resource: "arn:aws:s3:::bucket/*",
  Condition: { StringEquals: { "aws:SourceVpce": "vpce-1" }, Bool: { "aws:SecureTransport": "true" } },
};
const hold = {
  ...{ version: 3, id: "20261201T000000Z-00000000", at: "2026-12-01T00:00:00.000Z", stack: "prod", by: "a@b" },
  ...{ kind: "hold", release: "v1", reason: "it leaks" },
} as Entry;
const log = `${chainedLine(hold, { previous: digest, token: 1 })}\n`;
const settings = (): object => {
  const { raw } = readStackYaml(stackFile, { name: "rewind", values: {} });
  return Object.fromEntries(Object.entries(raw).filter(([key]) => settingsKeys.includes(key)));
};

/** Every reader of foreign bytes that needs no server; those of servers' answers read through one bounded reader. */
export const readers = (): Readonly<Record<string, Reader>> => ({
  "a backup's manifest": {
    samples: buffers(
      manifestText({
        ...{ format: "rewind-backup", version: 1, stack: "staging", at: "2026-11-21T15:00:00.000Z" },
        ...{ occasion: "request", pinned: { release: "v1.2.0", digest }, parts: ["stack"] },
        files: [{ path: "stack/Pulumi.staging.yaml", bytes: 3, sha256 }],
      } as never),
    ),
    read: text(parseManifest),
  },
  "a backup's sums": {
    samples: buffers(sumsText([{ path: "stack/Pulumi.staging.yaml", sha256 }])),
    read: text(parseSums),
  },
  "a deployment log": { samples: buffers(log, log.repeat(3)), read: (bytes) => verifyLog(bytes, "prod.jsonl") },
  "a line of a log": { samples: buffers(log), read: (bytes) => [linkOf(bytes), parseEntry(bytes.toString("utf8"))] },
  "a checkpoint": {
    samples: buffers(
      JSON.stringify(
        signCheckpoint(Buffer.from(log), verifyLog(Buffer.from(log), "prod.jsonl").lines, {
          ...{ stack: "prod", at: hold.at, key: privateKey },
        }),
      ),
    ),
    read: text((said) => readCheckpoint(said, "prod", privateKey)),
  },
  "a row": {
    samples: buffers('{"key":"a","value":{"b":[1,2.50,null]},"tags":["x","\\"y\\""],"n":12345678901234567890}'),
    read: text((line) =>
      rowOfLine(line, {
        key: "key",
        columns: { key: "text", value: "jsonb", tags: "text[]", n: "numeric" },
      }),
    ),
  },
  "exact JSON": {
    samples: buffers('{"a":[1e400,-0.0,1.10,"\\u0000"],"b":{"c":null}}'),
    read: text((said) => {
      try {
        return [parseExactly(said), parseStrictly(said)];
      } catch (error) {
        // Whoever calls it says where it was read.
        if (error instanceof SyntaxError) return undefined;
        throw error;
      }
    }),
  },
  "a migration": {
    samples: buffers(
      "-- Up Migration\ncreate function f() returns int as $x$ select 1; $x$ language sql;\n/* a /* b */ c */ select 'it''s', E'\\'', \"q\"\"q\";\n-- Down Migration\ndrop function f;\n",
      "begin;\ninsert into t values (U&'d\\0061t', $1);\ncommit;\n\\connect x\n",
    ),
    read: text((said) => [parseMigration("0001_a", { path: "0001_a.sql", text: said }), scanSql(said)]),
  },
  "a stack file": {
    samples: buffers(
      stackFile,
      "config:\n  rewind:release: &a v1\n  rewind:pins: {b: *a}\n  x: !!binary aGk=\n  <<: {y: 1}\n  z: |\n    a\n",
    ),
    read: text((said) => readStackYaml(said, { name: "rewind", values: {} })),
  },
  "a release's file": {
    samples: buffers(readFileSync(join(project, "releases", "v1.1.0.yaml"), "utf8")),
    read: text((said) => parseYaml(said, "releases/v1.1.0.yaml")),
  },
  settings: {
    samples: buffers(settings()),
    read: json((raw) =>
      parseSettings(Object(raw) as Record<string, unknown>, () => {
        throw new Error("no file");
      }),
    ),
  },
  "a policy": {
    samples: buffers({ Version: "2012-10-17", Statement: [statement] }, { Statement: statement }),
    read: json(policyDigest),
  },
  "a baseline": {
    samples: buffers(
      sealed({
        ...{ format: "rewind-baseline", version: 1, stack: "staging", at: "2025-09-17T03:30:00.000Z" },
        ...{ release: "v1.2.1", pins: {}, services: {}, functions: {}, policies: { documents: null } },
        config: { scoring_config: { schema: "app", rows: [{ key: "a", value: 0.35 }] } },
      } as never),
    ),
    read: text(parseBaseline),
  },
  "a build's manifest": {
    samples: buffers(build),
    read: text((said) => readManifest(said, digestOf(build))),
  },
  "a signature": {
    samples: buffers({
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      verificationMaterial: {
        certificate: { rawBytes: "MIIB" },
        tlogEntries: [{ logIndex: "1", logId: { keyId: "a" } }],
      },
      dsseEnvelope: { payload: "e30=", payloadType: "application/vnd.in-toto+json", signatures: [{ sig: "AA==" }] },
    }),
    read: text((said) => {
      isMessageSignature(said);
      return verifyBundle({ name: "bundle", text: said }, digest, trust);
    }),
  },
  "a proxy's routes": {
    samples: buffers([
      { "@id": "rewind.a.route.b", match: [{ host: ["a"] }], handle: [{ upstreams: [{ dial: "a:1" }] }] },
    ]),
    read: json((value) => {
      const routes = (Array.isArray(value) ? value : [value]).filter(
        (each): each is ProxyRoute => typeof each === "object" && each !== null && !Array.isArray(each),
      );
      return [withRoute(routes, "rewind.a.route.b", { "@id": "rewind.a.route.b" }), routes.map(dialOf)];
    }),
  },
  "a text for a terminal": { samples: buffers("\u001b[31mred\u001b[0m \u202e https://a.b\r\n"), read: text(cleaned) },
});

/** A small archive as a backup is one. */
export async function archiveSample(): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: "stack/Pulumi.staging.yaml", mode: 0o600 }, "config: {}\n");
  archive.entry({ name: "manifest.json", mode: 0o600 }, "{}");
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Unpacks what may be an archive, and leaves nothing behind. */
export async function readArchive(bytes: Buffer): Promise<void> {
  const into = mkdtempSync(join(tmpdir(), "rewind-archive-"));
  const once = (function* () {
    yield bytes;
  })();
  try {
    await unpack(once as unknown as AsyncIterable<Buffer>, into, { files: 100, bytes: 1 << 20 });
  } finally {
    rmSync(into, { recursive: true, force: true });
  }
}
