import { z } from "zod";
import { Digest, Name, ProjectPath } from "../primitives";

const Url = z.string().regex(/^https:\/\/[a-z0-9][a-z0-9.-]{0,252}(?::[0-9]{1,5})?(?:\/[A-Za-z0-9._~/-]{0,200})?$/, {
  error: "expected the address of an issuer such as https://token.actions.githubusercontent.com",
});

const exact = { error: "expected an identity such as https://github.com/acme/api/.github/workflows/release.yml@…" };
/** Exactly what a certificate says. Plain ASCII without `*`: a pattern that was meant as one must say so. */
const Identity = z.string(exact).regex(/^(?=.{5,500}$)[\x21-\x29\x2b-\x7e]+$/, exact);

const anchored = {
  error: "expected https://host/name/… with * for a piece without / or @, and none in the host or the first name",
};
/** Anchored by what it is: the whole identity is compared, and `*` stands for letters, digits, `.`, `_` and `-` alone. */
const Pattern = z
  .string(anchored)
  .regex(
    /^(?=.{5,500}$)(?!.*\*\*)(?!(?:[^*]*\*){4})https:\/\/[a-z0-9][a-z0-9.-]*\/[\x21-\x29\x2b-\x2e\x30-\x7e]+\/[\x21-\x7e]+$/,
    anchored,
  );

/** A file of the project that nobody can swap: its digest stands beside its path. */
const PinnedFile = z.strictObject({ file: ProjectPath, digest: Digest });

const Threshold = z.int().min(1, { error: "expected one or more; without any nothing is proved" }).max(8);

/** Who must have signed every pinned image, and by which roots that is proved. */
export const Signatures = z.strictObject({
  trustedRoot: PinnedFile.describe("A Sigstore trusted_root.json in the project, pinned by its SHA-256"),
  identities: z
    .array(
      z.strictObject({
        issuer: Url.describe("Who vouches for the identity"),
        identity: z.union([Identity, z.strictObject({ pattern: Pattern })], exact),
      }),
    )
    .max(16)
    .optional()
    .describe("Each of them must have signed each image"),
  keys: z
    .array(PinnedFile.extend({ name: Name }))
    .max(16)
    .optional()
    .describe("Public keys (PEM), each of which must have signed each image"),
  bundles: ProjectPath.optional().describe("A folder with <hex of the image's digest>.sigstore.json"),
  thresholds: z
    .strictObject({
      transparencyLogs: Threshold.optional().describe("Entries in transparency logs, 1 unless said"),
      timestamps: Threshold.optional().describe("Times that somebody vouches for, 1 unless said"),
      certificateLogs: Threshold.optional().describe("Logs that saw the certificate, 1 unless said"),
    })
    .optional(),
});
export type Signatures = z.infer<typeof Signatures>;
