import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readBody } from "../checks/bounded";
import { sslFor } from "../checks/tls";
import { onlyReading, poolOf } from "../rows/session";
import type { Backend, FileBackend, ObjectStoreBackend, PostgresBackend } from "./backend-url";
import { awsOutbound } from "../checks/outbound";

/** A checkpoint holds the whole state of a stack. */
const largestFile = 1024 ** 3;

/** The files that the engine keeps in its backend, whatever that is. They are only read. */
export interface BackendFiles {
  /** The names in a folder, such as `.pulumi/history/rewind/prod`; none when there is no such folder. */
  names(folder: string): Promise<string[]>;
  /** What a file holds; undefined when there is none. */
  read(path: string): Promise<Buffer | undefined>;
  close(): Promise<void>;
}

/** Opens the files of a backend. Nothing is asked before the first name or file is. */
export async function openBackendFiles(backend: Backend): Promise<BackendFiles> {
  switch (backend.kind) {
    case "file":
      return onDisk(backend);
    case "s3":
      return inObjectStore(backend);
    case "postgres":
      return inTable(backend);
  }
}

function onDisk({ folder }: FileBackend): BackendFiles {
  const whenThere = async <T, U>(work: Promise<T>, otherwise: U): Promise<T | U> => {
    try {
      return await work;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return otherwise;
      throw error;
    }
  };
  return {
    names: (path) => whenThere(readdir(join(folder, path)), []),
    read: (path) => whenThere(readFile(join(folder, path)), undefined),
    close: () => Promise.resolve(),
  };
}

async function inObjectStore({ bucket, prefix, ...connection }: ObjectStoreBackend): Promise<BackendFiles> {
  // It takes long to load, and only this backend waits for it.
  const { S3Client, ListObjectsV2Command, GetObjectCommand } = await import("@aws-sdk/client-s3");
  // The version pinned here runs on Node 20, and the line would stand in every answer.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const client = new S3Client({ ...connection, maxAttempts: 3, ...awsOutbound() });
  return {
    names: async (path) => {
      const names: string[] = [];
      const Prefix = `${prefix}${path}/`;
      let next: string | undefined;
      do {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix, Delimiter: "/", ContinuationToken: next }),
        );
        names.push(...(page.Contents ?? []).map(({ Key = "" }) => Key.slice(Prefix.length)));
        next = page.NextContinuationToken;
      } while (next !== undefined);
      return names.filter((name) => name !== "");
    },
    read: async (path) => {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: `${prefix}${path}` }));
        return Body === undefined ? undefined : await readBody(Body, largestFile, path);
      } catch (error) {
        if ((error as Error).name === "NoSuchKey") return undefined;
        throw error;
      }
    },
    close: () => {
      client.destroy();
      return Promise.resolve();
    },
  };
}

function inTable(backend: PostgresBackend): BackendFiles {
  const { host, port, user, password, database, sslmode, authorities, table, prefix } = backend;
  const ssl = sslFor(sslmode, authorities);
  const pool = poolOf(
    { host, port, user, password, database, ssl, max: 4, connectionTimeoutMillis: 5_000, application_name: "rewind" },
    { ...onlyReading, statement_timeout: "30s" },
  );
  return {
    names: async (path) => {
      const folder = `${prefix}${path}/`;
      const { rows } = await pool.query<{ key: string }>(
        `select key from ${table} where starts_with(key, $1) order by key`,
        [folder],
      );
      return rows.map(({ key }) => key.slice(folder.length)).filter((name) => name !== "" && !name.includes("/"));
    },
    read: async (path) => {
      const { rows } = await pool.query<{ content: string | null }>(
        `select data->>'data' as content from ${table} where key = $1`,
        [`${prefix}${path}`],
      );
      const content = rows[0]?.content;
      return typeof content === "string" ? Buffer.from(content, "base64") : undefined;
    },
    close: () => pool.end(),
  };
}
