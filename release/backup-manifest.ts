import { z } from "zod";
import { Digest, ReleaseId } from "./primitives";

/** The parts of a stack that a backup may hold; each is a folder of it. */
export const backupParts = ["stack", "state", "rows", "policies", "database", "records", "extra"] as const;
export type BackupPart = (typeof backupParts)[number];

/** Why a backup was made: somebody asked for it, or something was about to change. */
export const occasions = ["request", "rollback", "restore", "conversion"] as const;
export type Occasion = (typeof occasions)[number];

/** The names of what lies in a backup beside its parts. */
export const manifestFile = "BACKUP_MANIFEST.json";
export const sumsFile = "checksums/SHA256SUMS";
/** Who made it, where a key signed that: it is no part of what the sums cover, for it covers the manifest. */
export const signatureFile = "checksums/MANIFEST_SIGNATURE.json";
export const sealedFile = "backup.tar.age";

/**
 * Whether a path may stand in a backup: below one of its parts, without `..`, and nothing in it that a shell, another
 * system or `sha256sum` would take for something else.
 */
export function isBackupPath(path: string): boolean {
  const steps = path.split("/");
  return (
    path.length <= 1_024 &&
    !/[\u0000-\u001f\u007f\\]|[\ud800-\udfff]/u.test(path) &&
    steps.every((step) => step !== "" && step !== "." && step !== "..") &&
    (path === sealedFile || (steps.length > 1 && backupParts.some((part) => part === steps[0])))
  );
}

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: "expected 64 hexadecimal digits" });
const Time = z.iso.datetime({ error: "expected a time such as 2026-11-21T15:00:00.000Z" });

/** A file of a backup. */
const BackupFile = z.strictObject({
  path: z.string().refine(isBackupPath, { error: "a path that leads out of the backup, or is none" }),
  bytes: z.int().nonnegative(),
  sha256: Sha256,
  mode: z.int().min(0).max(0o777).optional().describe("Who may read, write and run it, where it was a file"),
});
export type BackupFile = z.infer<typeof BackupFile>;

/** What a backup says of itself. */
export const Manifest = z.strictObject({
  format: z.literal("rewind-backup"),
  version: z.literal(1),
  stack: z.string().min(1).max(100),
  at: Time,
  occasion: z.enum(occasions),
  name: z.string().max(100).optional(),
  pinned: z
    .strictObject({ release: ReleaseId, digest: Digest })
    .optional()
    .describe("What the stack ran; left out where its file could not be read"),
  parts: z.array(z.enum(backupParts)),
  files: z
    .array(BackupFile)
    .min(1, { error: "it names no file" })
    .max(1_000_000)
    .refine((files) => new Set(files.map(({ path }) => path)).size === files.length, {
      error: "it names a file twice",
    }),
  database: z
    .strictObject({
      name: z.string().min(1).max(63),
      rows: z.record(z.string(), z.int().nonnegative()).describe("How many rows each table of the dump has"),
      extensions: z
        .array(z.strictObject({ name: z.string().min(1).max(63), schema: z.string().min(1).max(63) }))
        .max(1_000)
        .optional(),
      owners: z.record(z.string(), z.array(z.string())).optional().describe("What each role owns: table app.t"),
    })
    .optional(),
  sealed: z.strictObject({ bytes: z.int().nonnegative().describe("Of what is encrypted") }).optional(),
});
export type Manifest = z.infer<typeof Manifest>;

/** A manifest as it was read, or in one line why it is none. */
export type ParsedManifest =
  { readonly ok: true; readonly manifest: Manifest } | { readonly ok: false; readonly reason: string };

/** Reads a manifest; whatever it is that somebody put there. */
export function parseManifest(text: string): ParsedManifest {
  const refused = (reason: string): ParsedManifest => ({ ok: false, reason });
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return refused(`${manifestFile} is damaged: no JSON, or not all of it`);
  }
  const known = z.looseObject({ format: z.literal("rewind-backup"), version: z.int() }).safeParse(raw);
  if (!known.success) return refused(`${manifestFile} is none of Rewind's`);
  if (known.data.version > 1) {
    return refused(`${manifestFile} has version ${known.data.version}; this Rewind reads version 1`);
  }
  const parsed = Manifest.safeParse(raw);
  if (parsed.success) return { ok: true, manifest: parsed.data };
  const issues = parsed.error.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`);
  return refused(`${manifestFile} is damaged: ${issues.slice(0, 1).join("")}`);
}

/** A manifest as it is written. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** Sums as `sha256sum -c` takes them, by path. */
export function sumsText(files: readonly Pick<BackupFile, "path" | "sha256">[]): string {
  return files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join("");
}

/** The sums that a file of them holds, by path; undefined when one of its lines is none. */
export function parseSums(text: string): Map<string, string> | undefined {
  const sums = new Map<string, string>();
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const found = /^([0-9a-f]{64}) [ *](.+)$/.exec(line);
    if (found === null) return undefined;
    const [, sum, path] = found as unknown as [string, string, string];
    if (sums.has(path)) return undefined;
    sums.set(path, sum);
  }
  return sums;
}
